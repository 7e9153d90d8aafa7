"""Which changes count."""

from tests.catalog_events import deleted, failed, labeled
from workers.catalog.changes import Change, Deleted, Labeled, change_of
from workers.catalog.ledger import Ledger


def changes(*records: object) -> list[Change]:
    return [change for record in records if (change := change_of(record))]  # type: ignore[arg-type]


def an_empty_ledger() -> Ledger:
    return Ledger({}, {})


def test_the_newest_label_of_a_batch_counts() -> None:
    batch = an_empty_ledger().accept(changes(labeled("a", 1), labeled("a", 3), labeled("a", 2)))

    [change] = batch.outcomes.values()
    assert isinstance(change, Labeled)
    assert change.label.submission.submission_id == "submission-3"


def test_a_label_that_is_older_than_the_deletion_does_not_bring_the_track_back() -> None:
    ledger = an_empty_ledger()

    [gone] = ledger.accept(changes(deleted("a", 2))).outcomes.values()
    assert isinstance(gone, Deleted)
    assert not ledger.accept(changes(labeled("a", 1)))
    assert ledger.accept(changes(labeled("a", 3))).outcomes


def test_a_label_that_is_read_again_is_written_again() -> None:
    ledger = an_empty_ledger()
    ledger.accept(changes(labeled("a", 1)))

    assert ledger.accept(changes(labeled("a", 1))).outcomes


def test_a_failure_stands_beside_an_older_label_and_ends_with_a_newer_one() -> None:
    ledger = an_empty_ledger()
    ledger.accept(changes(labeled("a", 1)))

    assert ledger.accept(changes(failed("a", 2))).failures
    batch = ledger.accept(changes(labeled("a", 3)))
    assert batch.healed == {"a"}
    assert not ledger.accept(changes(failed("a", 2))).failures


def test_a_failure_that_its_own_batch_overtakes_is_not_written() -> None:
    batch = an_empty_ledger().accept(changes(failed("a", 1), labeled("a", 2)))

    assert not batch.failures
    assert batch.healed == {"a"}


def test_a_failure_after_an_overtaken_one_is_written() -> None:
    batch = an_empty_ledger().accept(changes(failed("a", 1), labeled("a", 2), failed("a", 3)))

    assert batch.failures["a"].failure.coordinates.offset == 3
    assert not batch.healed


def test_a_superseded_submission_says_nothing_about_its_track() -> None:
    assert changes(failed("a", 1, reason="superseded")) == []
