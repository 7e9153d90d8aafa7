"""A catalogue's file of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.catalog.store import Store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.duckdb"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = Store(file)
    yield opened
    opened.close()
