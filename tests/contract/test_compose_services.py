"""What docker-compose.yml has its services run, run here as far as that goes without containers."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from prometheus_client import CollectorRegistry

from shared.embedded.ports import free_port
from shared.embedded.processes import ChildProcess
from shared.embedded.redis_server import redis_binary
from shared.health.server import serving_health
from shared.settings.workers import HttpSettings
from workers.cli.running import Worker

SERVICES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]


def _check_says_healthy(test: list[str], *, ready: str | None) -> bool:
    """Run the check of a service in this machine's Python, against a server of ours that listens elsewhere."""
    settings = HttpSettings(port=free_port())
    kind, program, flags, code = test
    assert (kind, program) == ("CMD", "python")
    assert str(HttpSettings().port) in code
    with serving_health(settings, CollectorRegistry(), live=lambda: "not asked", ready=lambda: ready):
        code = code.replace(str(HttpSettings().port), str(settings.port))
        return (
            subprocess.run([sys.executable, flags, code], capture_output=True, timeout=20, check=False).returncode == 0
        )


@pytest.mark.parametrize("worker", [worker.value for worker in Worker])
def test_health_check_of_a_worker_says_what_readyz_says(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # as Docker sets it behind a company's proxy
    test = SERVICES[worker]["healthcheck"]["test"]

    assert _check_says_healthy(test, ready=None)
    assert not _check_says_healthy(test, ready="decoding processes are starting")


def test_health_check_fails_when_its_path_is_misspelt() -> None:
    test = [part.replace("/readyz", "/redyz") for part in SERVICES["trends"]["healthcheck"]["test"]]

    assert not _check_says_healthy(test, ready=None)


def test_redis_starts_with_the_command_and_evicts_only_what_may_go(tmp_path: Path) -> None:
    program, *options = SERVICES["redis"]["command"]
    assert program == "redis-server"
    port = free_port()
    command = [str(redis_binary()), *options, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    server = ChildProcess("Redis", command, log_path=tmp_path / "log", owned_folder=tmp_path)
    server.start()
    try:
        server.wait_until(lambda: _is_open(port), within_s=10.0)
        with redis.Redis(port=port) as client:
            found: dict[str, str] = client.config_get("maxmemory", "maxmemory-policy", "appendonly", "save")
    finally:
        server.stop(within_s=10.0)

    wanted = {"maxmemory": str(512 * 2**20), "maxmemory-policy": "volatile-lru", "appendonly": "yes", "save": ""}
    assert found == wanted


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
