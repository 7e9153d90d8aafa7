import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.fuzz.workbench import Workbench, workbench
from workers.cli.ensembles import chosen_ensemble


@pytest.fixture
def restarts() -> Counter[str]:
    """How often decoding processes were replaced, by cause."""
    return Counter()


@pytest.fixture
def decode_timeout_s() -> float:
    """Longer than any spoiled file takes on a busy machine."""
    return 30.0


@pytest.fixture
def bench(
    tmp_path: Path,
    redis_url: str,
    restarts: Counter[str],
    decode_timeout_s: float,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workbench]:
    """The real handlers; a name or an address outside this machine is never asked for."""

    def local_only(host: str, *rest: Any, **more: Any) -> object:
        if host != "127.0.0.1":
            raise socket.gaierror(f"{host} is not known here")
        return socket.getaddrinfo(host, *rest, **more)

    monkeypatch.setattr("workers.extractor.sources.checked_network.getaddrinfo", local_only)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "root").mkdir()
    _, folder = chosen_ensemble()
    with workbench(
        tmp_path / "root",
        folder,
        redis_url,
        lambda cause: restarts.update([cause]),
        decode_timeout_s=decode_timeout_s,
    ) as started:
        yield started
