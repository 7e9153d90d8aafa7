"""The catalog's file: how it is written, and files of the version before."""

from contextlib import closing
from pathlib import Path

import duckdb

from tests.catalog_events import deleted, failed, labeled
from workers.catalog.catalogue import Catalogue
from workers.catalog.changes import change_of
from workers.catalog.rows import NUMBERS
from workers.catalog.store import ROW_GROUP, Store

PLACE = {("tracks.labeled.v1", 0): 7}


def take_in(catalogue: Catalogue, *records: object) -> None:
    catalogue.take_in([change_of(record) for record in records], "cluster", PLACE)  # type: ignore[arg-type,misc]


def test_however_often_tracks_are_labeled_deleted_and_fail_each_is_there_once(file: Path) -> None:
    with closing(Store(file)) as store:
        catalogue = Catalogue(store, now_ms=0)
        for n in range(1, 40, 4):
            take_in(catalogue, labeled("a", n), failed("b", n), deleted("c", n))
            take_in(catalogue, labeled("a", n + 1), failed("b", n + 1), labeled("c", n + 1))
    with duckdb.connect(file, read_only=True) as database:
        found = database.execute("SELECT track_id, count(*) FROM labels GROUP BY ALL ORDER BY ALL").fetchall()
        assert found == [("a", 1), ("c", 1)]
        assert database.execute("SELECT track_id FROM failures").fetchall() == [("b",)]


def test_no_checkpoint_has_to_write_more_than_some_thousand_labels_together(file: Path) -> None:
    """With DuckDB's own size of row groups and choice of compression, writing stopped for minutes near 100,000."""
    n = 3 * ROW_GROUP
    with closing(Store(file)) as store:
        take_in(Catalogue(store, now_ms=0), labeled("a", 1))
        database = store._connection
        columns = "track_id, position, label, numbers, word_ids, word_values"
        database.execute(
            f"INSERT INTO file.labels ({columns}) SELECT i::VARCHAR, position, label || i, numbers, word_ids, "
            f"word_values FROM file.labels, range({n}) AS t(i)"
        )
        database.execute("CHECKPOINT file")
        stored = "FROM pragma_storage_info('file.labels') WHERE column_name"
        groups = database.execute(
            f"SELECT row_group_id, max(start + count) - min(start) {stored} = 'track_id' GROUP BY ALL"
        ).fetchall()
        assert len(groups) >= 3
        assert max(size for _, size in groups) <= ROW_GROUP
        kinds = database.execute(f"SELECT DISTINCT compression {stored} = 'label' AND segment_type = 'VARCHAR'")
        assert kinds.fetchall() == [("ZSTD",)]


def test_a_file_of_the_version_before_keeps_its_labels_deletions_failures_and_offsets(file: Path) -> None:
    with closing(Store(file)) as store:
        take_in(Catalogue(store, now_ms=0), labeled("a", 1), deleted("b", 2), failed("c", 3))
        label, positions = store.label("a"), store.outcome_positions()
    with duckdb.connect(file) as database:
        for table in ("labels", "failures"):
            database.execute(f"CREATE TABLE old AS FROM {table}; DROP TABLE {table}")
            database.execute(f"ALTER TABLE old RENAME TO {table}; ALTER TABLE {table} ADD PRIMARY KEY (track_id)")
        database.execute("UPDATE facts SET value = '1' WHERE name = 'version'")

    for _ in range(2):
        with closing(Store(file)) as again:
            assert (again.label("a"), again.outcome_positions()) == (label, positions)
            assert [track_id for track_id, *_ in again.failures()] == ["c"]
            assert again.offsets("cluster") == PLACE
    with duckdb.connect(file, read_only=True) as database:
        assert database.execute("SELECT * FROM duckdb_indexes()").fetchall() == []
        assert database.execute("SELECT value FROM facts").fetchall() == [("2",)]


def test_no_beat_is_no_slow_tempo(store: Store) -> None:
    catalogue = Catalogue(store, now_ms=0)
    take_in(catalogue, labeled("pad", 1, features={"tempo": 0.0, "energy": 0.1}))
    [row] = store.rows()
    assert str(row.numbers[NUMBERS.index("tempo")]) == "nan"
    label = catalogue.label("pad")
    assert label is not None
    assert label.features.tempo == 0.0
