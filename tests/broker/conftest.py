"""A broker of one's own, to kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.embedded.kafka_home import KafkaHome


@pytest.fixture
def own_kafka(kafka_home: Path, tmp_path: Path) -> Iterator[KafkaHome]:
    """A running broker that one test alone uses: it may be killed. Tests that do not kill share ``kafka_bootstrap``."""
    with KafkaHome(kafka_home, tmp_path / "kafka") as kafka:
        yield kafka
