import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.events import TrackSubmitted
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.records import Record
from tests.old_labels import label_fields
from workers.cli.relabels import Condition, Stale, WantedLabels, relabel_of, version_key

NOW = datetime(2026, 11, 26, tzinfo=UTC)
PLACE = Coordinates(topic=TRACKS_SUBMITTED.name, partition=0, offset=7)
OURS, OTHER = "a" * 64, "b" * 64


def a_label(**changes: Any) -> Record:
    value = json.dumps(label_fields("t1", offset=PLACE.offset, **changes)).encode()
    return Record(TRACKS_LABELED.name, 0, 3, 2000, b"t1", value, Origin("s-t1", Position(1000, 7), PLACE).headers())


def wanted(older_than: str | None = None, *conditions: str) -> WantedLabels:
    return WantedLabels(
        ensemble_digest=OURS,
        features_version="3",
        older_than=older_than,
        conditions=tuple(map(Condition.parse, conditions)),
    )


def stale(**changes: Any) -> Stale:
    found = WantedLabels(ensemble_digest=OTHER, features_version="3").stale(a_label(**changes))
    assert found
    return found


def an_original(uri: str, submission_id: str = "s-t1") -> Record:
    event = TrackSubmitted(track_id="t1", uri=uri, submission_id=submission_id, submitted_at=NOW)
    return Record(TRACKS_SUBMITTED.name, 0, 7, 1000, b"t1", event.to_json())


@pytest.mark.parametrize(
    ("changes", "is_stale"),
    [({}, False), ({"versions__ensemble_digest": OTHER}, True), ({"versions__features": "2"}, True)],
)
def test_label_is_stale_when_another_ensemble_or_other_features_made_it(changes: Any, is_stale: bool) -> None:
    assert (wanted().stale(a_label(**changes)) is not None) == is_stale


def test_label_is_stale_when_its_ensemble_is_before_the_one_named() -> None:
    assert wanted("1.10").stale(a_label())
    assert not wanted("1.9").stale(a_label())
    assert not wanted("1.8").stale(a_label(versions__ensemble_digest=OTHER))


def test_deleted_track_is_never_stale() -> None:
    deleted = Record(TRACKS_LABELED.name, 0, 3, 2000, b"t1", None)

    assert wanted("99").stale(deleted) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("unsure=false", True),
        ("unsure=true", False),
        ("submission.year=1959", True),
        ("submission.attributes.library=vinyl", True),
        ("submission.attributes.library!=vinyl", False),
        ("genres.0.genre=jazz", True),
        ("genres.4.genre=jazz", False),
        ("submission.artist=null", True),
        ("no.such.field!=x", True),
    ],
)
def test_condition_compares_a_field_of_the_label(condition: str, holds: bool) -> None:
    assert (wanted("2", condition).stale(a_label()) is not None) == holds


def test_all_conditions_must_hold() -> None:
    assert wanted("2", "unsure=false", "submission.year=1960").stale(a_label()) is None


def test_text_that_is_no_condition_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"'unsure' is no condition: write unsure=true"):
        Condition.parse("unsure")


def test_versions_are_ordered_by_their_numbers() -> None:
    ordered = ["0.9", "1", "1.2", "1.2.1", "1.9", "1.10", "2026.1.5", "2026.11"]

    assert sorted(set(ordered), key=version_key) == ordered


def test_relabel_says_what_the_label_said_and_is_conditional_on_its_submission() -> None:
    event = relabel_of(stale(), original=None, submission_id="s2", at=NOW)

    assert event
    assert (event.track_id, event.submission_id, event.submitted_at) == ("t1", "s2", NOW)
    assert (event.uri, event.title, event.year) == ("https://example.org/a.ogg", "So What", 1959)
    assert event.attributes == {"library": "vinyl"}
    assert (event.relabel_of, event.replay_of) == ("s-t1", None)


@pytest.mark.parametrize("link", ["relabel_of", "replay_of"])
def test_relabel_of_a_conditional_submission_is_about_the_one_behind_it(link: str) -> None:
    event = relabel_of(stale(**{f"submission__{link}": "s0"}), original=None, submission_id="s2", at=NOW)

    assert event
    assert (event.relabel_of, event.replay_of) == ("s0", None)


@pytest.mark.parametrize(
    "uri", ["https://example.org/a.ogg?token=***", "https://***@example.org/a.ogg", "https://example.org/" + "x" * 1004]
)
def test_uri_that_the_label_has_not_in_full_is_read_from_the_submission(uri: str) -> None:
    one = stale(submission__uri=uri)
    secret = "https://example.org/a.ogg?token=secret"

    assert one.needs_original
    event = relabel_of(one, original=an_original(secret), submission_id="s2", at=NOW)
    assert event
    assert event.uri == secret


@pytest.mark.parametrize("original", [None, an_original("https://example.org/b.ogg", submission_id="s9")])
def test_track_cannot_be_relabeled_when_its_secret_is_no_longer_kept(original: Record | None) -> None:
    one = stale(submission__uri="https://example.org/a.ogg?token=***")

    assert relabel_of(one, original=original, submission_id="s2", at=NOW) is None


def test_uri_that_a_label_has_in_full_is_not_read_again() -> None:
    assert not stale().needs_original
