"""The catalogue against what the topics come to, whatever is read when and wherever it is killed."""

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InvalidEventError, InvalidSettingError
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.records import Record
from tests.catalog_events import deleted, failed, label, labeled, record
from workers.catalog.catalogue import Catalogue
from workers.catalog.changes import change_of
from workers.catalog.store import Store

NOW_MS = int(time.time() * 1000)
Place = tuple[str, int]


class Kafka:
    """Two topics of one partition each, in memory; reading goes on where the reader's file says."""

    def __init__(self, labels: Sequence[Record], failures: Sequence[Record]) -> None:
        self._logs = {(TRACKS_LABELED.name, 0): labels, (TRACKS_FAILED.name, 0): failures}

    def after(self, offsets: dict[Place, int], place: Place, n: int) -> tuple[Sequence[Record], int]:
        start = offsets.get(place, 0)
        records = self._logs[place][start : start + n]
        return records, start + len(records)

    def is_read(self, offsets: dict[Place, int]) -> bool:
        return all(offsets.get(place, 0) == len(log) for place, log in self._logs.items())


def opened(store: Store) -> Catalogue:
    return Catalogue(store, now_ms=0)


def shown(catalogue: Catalogue, store: Store) -> dict[str, tuple[str | None, str | None]]:
    """Submission of the label, and of the failure, of every track: on disk and in memory, which must agree."""
    with catalogue.reading() as columns:
        in_memory = {row.track_id: row.numbers[-1] for row in columns.rows if row}
        assert len(columns) == len(in_memory) == columns.alive.sum()
        assert all(columns.row(columns.slot_of(track) or 0).track_id == track for track in in_memory)
    on_disk = {row.track_id: row.numbers[-1] for row in store.rows()}
    assert in_memory == on_disk
    tracks = on_disk.keys() | {track_id for track_id, *_ in store.failures()}
    found: dict[str, tuple[str | None, str | None]] = {}
    for track_id in tracks:
        kept, failure = catalogue.label(track_id), catalogue.failure(track_id)
        found[track_id] = (
            kept.submission.submission_id if kept else None,
            f"submission-{failure.coordinates.offset}" if failure else None,
        )
    return found


def expected(labels: Sequence[Record], failures: Sequence[Record]) -> dict[str, tuple[str | None, str | None]]:
    """What the compacted label topic holds, and the last failure of each track that nothing newer has overtaken."""
    last = {one.key_text: one for one in labels}
    failed_last = {one.key_text: one for one in failures}
    found: dict[str, tuple[str | None, str | None]] = {}
    for track_id in last.keys() | failed_last.keys():
        outcome, failure = last.get(track_id), failed_last.get(track_id)
        newer = failure and (outcome is None or outcome.timestamp_ms < failure.timestamp_ms)
        kept = f"submission-{outcome.timestamp_ms}" if outcome and outcome.value else None
        if kept or newer:
            found[track_id] = (kept, f"submission-{failure.timestamp_ms}" if failure and newer else None)
    return found


submissions = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(("label", "failure", "delete"))), max_size=24)
steps = st.lists(
    st.tuples(st.sampled_from((TRACKS_LABELED.name, TRACKS_FAILED.name)), st.integers(1, 4), st.booleans())
)


@pytest.mark.timeout(300)  # two hundred databases are opened and closed
@settings(max_examples=20)
@given(submissions=submissions, steps=steps)
def test_any_interleaving_with_kills_between_batches_ends_as_the_compacted_topic(
    submissions: list[tuple[str, str]], steps: list[tuple[str, int, bool]]
) -> None:
    labels, failures = [], []
    for n, (track_id, outcome) in enumerate(submissions, start=1):
        if outcome == "failure":
            failures.append(failed(track_id, n))
        else:
            labels.append(labeled(track_id, n) if outcome == "label" else deleted(track_id, n))
    kafka = Kafka(labels, failures)
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "catalog.duckdb")
        catalogue = opened(store)
        rest = [(topic, 100, False) for topic in (TRACKS_LABELED.name, TRACKS_FAILED.name)]
        for topic, n, killed in [*steps, *rest]:
            offsets = store.offsets("cluster")
            records, position = kafka.after(offsets, (topic, 0), n)
            changes = [change for one in records if (change := change_of(one))]
            catalogue.take_in(changes, "cluster", {(topic, 0): position})
            if killed:
                store.close()
                store = Store(Path(folder) / "catalog.duckdb")
                catalogue = opened(store)
        with closing(store):
            assert kafka.is_read(store.offsets("cluster"))
            assert shown(catalogue, store) == expected(labels, failures)
            # Read again from 0, as after a new cluster: nothing older comes back.
            everything = [change for one in [*failures, *labels] if (change := change_of(one))]
            catalogue.take_in(everything, "another cluster", {})
            assert shown(catalogue, store) == expected(labels, failures)


def test_a_transaction_that_fails_leaves_neither_rows_nor_offsets(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(file)
    catalogue = opened(store)
    catalogue.take_in([change_of(labeled("a", 1))], "cluster", {(TRACKS_LABELED.name, 0): 1})  # type: ignore[list-item]

    broken = {(TRACKS_LABELED.name, 0): 2, (TRACKS_LABELED.name, 1): 2**70}  # no BIGINT: the last statement fails
    with pytest.raises(Exception, match=r"(?i)convert|range|cast|overflow"):
        catalogue.take_in([change_of(labeled("b", 2))], "cluster", broken)  # type: ignore[list-item]
    store.close()

    with closing(Store(file)) as again:
        assert again.offsets("cluster") == {(TRACKS_LABELED.name, 0): 1}
        assert [row.track_id for row in again.rows()] == ["a"]


def test_a_new_cluster_keeps_the_rows_and_is_read_from_the_start(store: Store) -> None:
    catalogue = opened(store)
    catalogue.take_in([change_of(labeled("a", 1))], "first", {(TRACKS_LABELED.name, 0): 5})  # type: ignore[list-item]

    assert store.offsets("second") == {}
    catalogue.take_in((), "second", {(TRACKS_LABELED.name, 0): 0})
    assert [row.track_id for row in store.rows()] == ["a"]
    assert store.offsets("second") == {(TRACKS_LABELED.name, 0): 0}


def test_a_deletion_is_forgotten_once_the_topic_has_forgotten_it(file: Path) -> None:
    store = Store(file)
    opened(store).take_in([change_of(deleted("a", 1))], "cluster", {})  # type: ignore[list-item]
    kept_ms = int(TRACKS_LABELED.config["delete.retention.ms"])

    Catalogue(store, now_ms=kept_ms)
    assert store.outcome_positions().keys() == {"a"}
    Catalogue(store, now_ms=kept_ms + 2)
    assert store.outcome_positions() == {}
    store.close()


def test_a_deleted_track_leaves_nothing_but_its_position_and_comes_back_whole(store: Store) -> None:
    catalogue = opened(store)
    place = {(TRACKS_LABELED.name, 0): 1}
    for one in (labeled("a", 1), deleted("a", 2)):
        catalogue.take_in([change_of(one)], "cluster", place)  # type: ignore[list-item]
    assert store.label("a") is None
    assert list(store.rows()) == []

    catalogue.take_in([change_of(labeled("a", 3))], "cluster", place)  # type: ignore[list-item]
    store.forget_deletions(before_ms=NOW_MS)
    assert [row.track_id for row in store.rows()] == ["a"]


def test_numbers_and_words_come_back_from_disk_as_they_were(file: Path) -> None:
    store = Store(file)
    event = label(
        "a", 1, submission_title="Título", submission_year=1999, tags={"mood": [{"tag": "sad", "probability": 0.1}]}
    )
    catalogue = opened(store)
    catalogue.take_in([change_of(record(TRACKS_LABELED.name, "a", 1, event.to_json()))], "cluster", {})  # type: ignore[list-item]
    store.close()

    with closing(Store(file)) as again, Catalogue(again, now_ms=NOW_MS).reading() as columns:
        [row] = [row for row in columns.rows if row]
        assert row.title == "Título"
        slot = columns.slot_of("a")
        assert columns.number("tempo")[slot] == 120.0
        assert columns.number("year")[slot] == 1999
        assert columns.number("mode")[slot] == 0
        assert str(columns.number("danceability")[slot]) == "nan"
        sad = columns.word("mood:sad")
        assert sad is not None
        assert columns.roots(sad)[slot] == pytest.approx(0.1**0.5)
        assert columns.genre(row) == "jazz"


def test_a_file_that_is_no_catalogue_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "catalog.duckdb"
    file.write_bytes(b"no database")

    with pytest.raises(InvalidSettingError, match="NEEDLEDROP_CATALOG_FOLDER"):
        Store(file)


@pytest.mark.parametrize(
    "broken",
    [
        record(TRACKS_LABELED.name, "", 1, label().to_json()),
        record(TRACKS_LABELED.name, "a", 1, b"{}"),
        record(TRACKS_FAILED.name, "a", 1, None),
        Record(TRACKS_LABELED.name, 0, 0, 0, b"a", label().to_json()),
    ],
    ids=["no key", "no label", "no failure", "no headers"],
)
def test_a_record_that_no_worker_wrote_is_refused(broken: Record) -> None:
    with pytest.raises(InvalidEventError):
        change_of(broken)
