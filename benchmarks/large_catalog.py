"""A catalog of very many generated tracks, as a process of its own."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import numpy as np
import psutil

from benchmarks.generated_labels import record_of_label
from shared.embedded.ports import free_port
from shared.embedded.processes import ChildProcess
from workers.catalog.catalogue import Catalogue
from workers.catalog.changes import change_of
from workers.catalog.main import FILE
from workers.catalog.store import ROW_GROUP, Store

# More different ones would say nothing else about speed, and take minutes to make.
_N_DIFFERENT = 20_000
_COPIES = """
    INSERT INTO file.labels BY NAME
    SELECT * EXCLUDE (number) REPLACE (
        'track-' || number AS track_id, title || ' ' || number AS title, printf('%064x', number) AS content_hash
    )
    FROM (SELECT *, $1 + row_number() OVER () - 1 AS number FROM (FROM file.labels LIMIT $2))
"""


def fill(folder: Path, n: int) -> None:
    """Make a catalogue of ``n`` generated tracks, or add to one until it has so many: 20,000 and copies of these."""
    with closing(Store(folder / FILE)) as store:
        catalogue = Catalogue(store, now_ms=0)
        n_there = catalogue.n_tracks
        rng = np.random.default_rng(8)
        while n_there < min(n, _N_DIFFERENT):
            end = min(n_there + 500, n, _N_DIFFERENT)
            some = [record_of_label(rng, number, number) for number in range(n_there, end)]
            catalogue.take_in([change for record in some if (change := change_of(record))], "made", {})
            n_there = end
    with duckdb.connect(config={"threads": 2, "temp_directory": str(folder / "tmp")}) as database:
        database.execute(f"ATTACH '{folder / FILE}' AS file (ROW_GROUP_SIZE {ROW_GROUP})")
        while n_there < n:
            n_more = min(_N_DIFFERENT, n - n_there)
            database.execute(_COPIES, [n_there, n_more])
            n_there += n_more


@contextmanager
def running(folder: Path, logs: Path, bootstrap: str) -> Iterator[tuple[str, psutil.Process]]:
    """A catalog on that folder, as a process, while the block runs; gives its address when it is ready."""
    web, health = free_port(), free_port()
    environment = {
        **os.environ,
        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "NEEDLEDROP_KAFKA_EMBEDDED": "true",
        "NEEDLEDROP_CATALOG_FOLDER": str(folder),
        "NEEDLEDROP_CATALOG_WEB_PORT": str(web),
        "NEEDLEDROP_CATALOG_REQUESTS_PER_S": "100000",
        "NEEDLEDROP_HTTP_PORT": str(health),
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "workers.cli.main", "worker", "catalog"]
    worker = ChildProcess("catalog", command, log_path=logs / "catalog.log", env=environment)
    worker.start()
    try:
        worker.wait_until(lambda: _is_ready(health), within_s=300.0)
        yield f"http://127.0.0.1:{web}", psutil.Process(worker.pid)
    finally:
        worker.stop(within_s=15.0)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
