import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.fuzz.workbench import Workbench, workbench
from workers.cli.ensembles import chosen_ensemble


@pytest.fixture(scope="module")
def restarts() -> Counter[str]:
    """How often decoding processes were replaced, by cause."""
    return Counter()


@pytest.fixture(scope="module")
def decode_timeout_s() -> float:
    """Longer than any spoiled file takes on a busy machine."""
    return 30.0


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory,
    redis_url: str,
    restarts: Counter[str],
    decode_timeout_s: float,
    models_of_this_code: None,
) -> Iterator[Workbench]:
    """The real handlers; a name or an address outside this machine is never asked for."""

    def local_only(host: str, *rest: Any, **more: Any) -> object:
        if host != "127.0.0.1":
            raise socket.gaierror(f"{host} is not known here")
        return socket.getaddrinfo(host, *rest, **more)

    _, folder = chosen_ensemble()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.extractor.sources.checked_network.getaddrinfo", local_only)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        with workbench(
            tmp_path_factory.mktemp("root"),
            folder,
            redis_url,
            lambda cause: restarts.update([cause]),
            decode_timeout_s=decode_timeout_s,
        ) as started:
            yield started
