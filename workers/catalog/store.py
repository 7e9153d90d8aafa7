"""The catalog's DuckDB file: rows and Kafka offsets, changed in one transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.kafka.tailing import Place
from workers.catalog.changes import Deleted, Labeled
from workers.catalog.ledger import Batch
from workers.catalog.rows import Row, Vocabulary

_SCHEMA: Final = Path(__file__).with_name("schema.sql")
_VERSION: Final = "2"
# With an index, and compressed by whatever DuckDB chose.
_BEFORE: Final = "1"
# Rows that are read from disk at a time, some 5 kB each.
_AT_ONCE: Final = 2000

ROW_GROUP: Final = 8192
"""Rows that a checkpoint writes together, some 40 MB of labels. DuckDB merges what came in parts into whole ones, and
nothing else is written meanwhile: with its own 122,880 that is 600 MB in 256 MB of memory, and took minutes."""

_TEXTS: Final = ("title", "artist", "album", "isrc", "spotify_id", "uri", "content_hash", "ensemble")
_ARRAYS: Final = {"numbers": np.float64, "word_ids": np.uint16, "word_values": np.float32, "embedding": np.float16}
_COLUMNS: Final = f"track_id, position, deleted_at_ms, label, {', '.join(_TEXTS)}, {', '.join(_ARRAYS)}"
_INSERT_LABELS: Final = (
    f"INSERT INTO labels ({_COLUMNS}) SELECT unnest($1), unnest($2), NULL, "
    f"{', '.join(f'unnest(${n})' for n in range(3, 4 + len(_TEXTS) + len(_ARRAYS)))}"
)
_INSERT_DELETED: Final = (
    "INSERT INTO labels (track_id, position, deleted_at_ms) SELECT unnest($1), unnest($2), unnest($3)"
)
_ROWS: Final = f"SELECT track_id, {', '.join(_TEXTS)}, {', '.join(_ARRAYS)} FROM labels WHERE label IS NOT NULL"  # noqa: S608
_INSERT_FAILURES: Final = "INSERT INTO failures SELECT unnest($1), unnest($2), unnest($3)"
_REPLACE_OFFSETS: Final = "INSERT OR REPLACE INTO offsets SELECT $1, unnest($2), unnest($3), unnest($4)"


class Store:
    """The file, opened for this process alone. ``write`` belongs to one thread, reads to any; close it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises: InvalidSettingError when another process has it open, or it is no catalog's.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # One thread: the other cores are the pipeline's. Memory beside that of the columns.
            self._connection = duckdb.connect(
                config={
                    "threads": 1,
                    "memory_limit": "256MB",
                    "temp_directory": f"{path}.tmp",
                    "checkpoint_threshold": "4MB",  # often and briefly: requests need the other core meanwhile
                }
            )
            quoted = str(path).replace("'", "''")
            self._connection.execute(f"ATTACH '{quoted}' AS file (ROW_GROUP_SIZE {ROW_GROUP})")
            self._create()
        except duckdb.Error as error:
            raise InvalidSettingError(
                f"NEEDLEDROP_CATALOG_FOLDER: {path} cannot be opened: {str(error).splitlines()[0]}. One catalog has it "
                "open at a time; a damaged one may be removed while none runs, and is made anew from the topics"
            ) from None

    def offsets(self, cluster_id: str) -> dict[Place, int]:
        """Where to go on reading this cluster; nothing for one that was never read."""
        query = 'SELECT topic, "partition", next_offset FROM offsets WHERE cluster_id = ?'
        rows = self._cursor().execute(query, [cluster_id]).fetchall()
        return {(topic, partition): offset for topic, partition, offset in rows}

    def write(
        self,
        batch: Batch,
        rows: Sequence[Row],
        vocabulary: Vocabulary,
        cluster_id: str,
        offsets: Mapping[Place, int],
    ) -> None:
        """Make the changes and the offsets behind them durable, together or not at all.

        ``rows`` are those of the labels in ``batch``, whose words ``vocabulary`` has.
        """
        cursor = self._cursor()
        with _transaction(cursor):
            _write_words(cursor, vocabulary)
            _remove(cursor, "labels", batch.replaced)
            _write_labels(cursor, batch, rows)
            deleted = [change for change in batch.outcomes.values() if isinstance(change, Deleted)]
            if deleted:
                columns = [[getattr(one, name) for one in deleted] for name in ("track_id", "position", "at_ms")]
                cursor.execute(_INSERT_DELETED, columns)
            _remove(cursor, "failures", batch.failures.keys() | batch.healed)
            if batch.failures:
                failures = list(batch.failures.values())
                texts = [change.failure.to_json().decode() for change in failures]
                cursor.execute(_INSERT_FAILURES, [list(batch.failures), [one.position for one in failures], texts])
            if offsets:
                topics, partitions = zip(*offsets, strict=True)
                cursor.execute(_REPLACE_OFFSETS, [cluster_id, topics, partitions, list(offsets.values())])
            # A cluster that comes back is read from its first record on: positions make that harmless.
            cursor.execute("DELETE FROM offsets WHERE cluster_id <> ?", [cluster_id])

    def forget_deletions(self, before_ms: int) -> None:
        """Forget tracks that were deleted before a moment, in milliseconds since 1970."""
        self._cursor().execute("DELETE FROM labels WHERE deleted_at_ms < ?", [before_ms])

    def outcome_positions(self) -> dict[str, str]:
        """The position of each track's label or deletion."""
        return dict(self._cursor().execute("SELECT track_id, position FROM labels").fetchall())

    def vocabulary(self) -> Vocabulary:
        """The words that rows have numbers for."""
        found = self._cursor().execute("SELECT word FROM words ORDER BY id").fetchall()
        return Vocabulary(word for (word,) in found)

    def rows(self) -> Iterator[Row]:
        """The rows of all labels there are."""
        texts = ("track_id", *_TEXTS)
        for values in self._rows(_ROWS):
            fields: dict[str, Any] = dict(zip(texts, values, strict=False))
            for (name, kind), array in zip(_ARRAYS.items(), values[len(texts) :], strict=True):
                fields[name] = None if array is None else np.frombuffer(array, kind)
            yield Row(**fields)

    def failures(self) -> Iterator[tuple[str, str, bytes]]:
        """All failures that count, as track, position and event."""
        for track_id, position, failure in self._rows("SELECT track_id, position, failure FROM failures"):
            yield track_id, position, failure.encode()

    def label(self, track_id: str) -> bytes | None:
        """The label of one track, None when it has none."""
        return self._value("SELECT label FROM labels WHERE track_id = ?", track_id)

    def failure(self, track_id: str) -> bytes | None:
        """The failure of one track, None when it has none that counts."""
        return self._value("SELECT failure FROM failures WHERE track_id = ?", track_id)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute("USE file")
        return cursor

    def _value(self, query: str, track_id: str) -> bytes | None:
        row = self._cursor().execute(query, [track_id]).fetchone()
        return row[0].encode() if row and row[0] is not None else None

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._cursor().execute(query)
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows

    def _create(self) -> None:
        cursor = self._cursor()
        schema = _SCHEMA.read_text(encoding="utf-8")
        with _transaction(cursor):
            cursor.execute(schema)
            cursor.execute("INSERT OR IGNORE INTO facts VALUES ('version', ?)", [_VERSION])
            found = cursor.execute("SELECT value FROM facts WHERE name = 'version'").fetchone()
            if found == (_BEFORE,):
                _rewrite(cursor, schema)
        if found not in ((_VERSION,), (_BEFORE,)):
            raise InvalidSettingError(
                "NEEDLEDROP_CATALOG_FOLDER: catalog.duckdb is of another version of needledrop; remove it, and it is "
                "made anew from the topics"
            )


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
    except BaseException:
        cursor.rollback()
        raise
    cursor.commit()


def _rewrite(cursor: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Move what a file of the version before holds into tables as they are now."""
    for table in ("labels", "failures"):
        cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    cursor.execute(schema)
    for table in ("labels", "failures"):
        cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {table}_before")  # noqa: S608 - a name of ours
        cursor.execute(f"DROP TABLE {table}_before")
    cursor.execute("UPDATE labels SET ensemble = '' WHERE label IS NOT NULL")
    cursor.execute("UPDATE facts SET value = ? WHERE name = 'version'", [_VERSION])


def _remove(cursor: duckdb.DuckDBPyConnection, table: str, track_ids: Collection[str]) -> None:
    if track_ids:
        query = f"DELETE FROM {table} WHERE track_id IN (SELECT unnest($1))"  # noqa: S608 - a name of ours
        cursor.execute(query, [list(track_ids)])


def _write_words(cursor: duckdb.DuckDBPyConnection, vocabulary: Vocabulary) -> None:
    found = cursor.execute("SELECT count(*) FROM words").fetchone()
    n_known = found[0] if found else 0
    more = vocabulary.words[n_known:]
    if more:
        cursor.execute(
            "INSERT INTO words SELECT unnest($1), unnest($2)", [list(range(n_known, n_known + len(more))), more]
        )


def _write_labels(cursor: duckdb.DuckDBPyConnection, batch: Batch, rows: Sequence[Row]) -> None:
    if not rows:
        return
    changes = [change for row in rows if isinstance(change := batch.outcomes[row.track_id], Labeled)]
    columns: list[list[str] | list[bytes | None]] = [
        [row.track_id for row in rows],
        [change.position for change in changes],
        [change.value.decode() for change in changes],
    ]
    columns += [[getattr(row, name) for row in rows] for name in _TEXTS]
    columns += [[_bytes(getattr(row, name)) for row in rows] for name in _ARRAYS]
    cursor.execute(_INSERT_LABELS, columns)


def _bytes(array: NDArray[Any] | None) -> bytes | None:
    return None if array is None else array.tobytes()
