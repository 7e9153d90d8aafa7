"""`needledrop find` against a running catalog."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from schemas.errors import InvalidSettingError, UnreachableError
from shared.embedded.ports import free_port
from tests.catalog_events import labeled
from tests.embedded.catalog.conftest import Served
from workers.cli.main import app

Serve = Callable[..., Served]


def found(*arguments: str) -> list[str]:
    """The ids that it prints as JSON lines."""
    return [json.loads(line)["id"] for line in run(*arguments).stdout.splitlines()]


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["find", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def catalog(served: Serve, monkeypatch: pytest.MonkeyPatch) -> Served:
    def track(n: int, genre: str, **features: Any) -> Any:
        return labeled(f"t{n}", n, genres=[{"genre": genre, "probability": 0.9}], features=features)

    running = served(
        track(1, "jazz", tempo=90.0, energy=0.1),
        track(2, "jazz", tempo=120.0, energy=0.9, danceability=0.7),
        track(3, "rock", tempo=121.0),
    )
    monkeypatch.setenv("NEEDLEDROP_FIND_URL", running.address)
    return running


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--genre", "jazz"], ["t2", "t1"]),
        (["--genre", "jazz", "--genre", "rock", "--tempo", "120..125"], ["t3", "t2"]),
        (["--tempo", "..100"], ["t1"]),
        (["--tempo", "121"], ["t3"]),
        (["--range", "danceability=0.5.."], ["t2"]),
        (["--sort", "tempo", "--limit", "2"], ["t1", "t2"]),
        (["--tag", "mellow", "--energy", "0.5.."], ["t2"]),
        (["--like", "t1", "--limit", "1"], ["t2"]),
        (["--text", "nothing has this"], []),
    ],
)
def test_find_prints_what_the_catalog_has(catalog: Served, arguments: list[str], expected: list[str]) -> None:
    assert found(*arguments) == expected


def test_find_goes_through_all_pages(catalog: Served) -> None:
    catalog.fill(*(labeled(f"more{n}", n) for n in range(10, 460)))

    assert len(found("--limit", "1000")) == len(set(found("--limit", "1000"))) == 453
    assert len(found("--limit", "250")) == 250


def test_find_exports(catalog: Served) -> None:
    assert run("--genre", "rock", "--export", "m3u8").stdout.splitlines()[0] == "#EXTM3U"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--range", "no_such_number=1.."], "no_such_number"), (["--sort", "colour"], "sort"), (["--like", "t9"], "t9")],
)
def test_what_the_catalog_refuses_is_one_line(catalog: Served, arguments: list[str], says: str) -> None:
    with pytest.raises(InvalidSettingError, match=says):
        run(*arguments)


def test_a_range_that_is_none_is_refused_before_anybody_is_asked() -> None:
    assert run("--tempo", "fast").exit_code == 2


def test_find_says_what_to_do_when_no_catalog_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_FIND_URL", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(UnreachableError, match="needledrop up"):
        run("--genre", "jazz")


def test_find_asks_with_its_token(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = served(labeled("a", 1), callers=frozenset({sha256(b"secret").hexdigest()}))
    monkeypatch.setenv("NEEDLEDROP_FIND_URL", catalog.address)

    with pytest.raises(InvalidSettingError, match="token"):
        run()
    monkeypatch.setenv("NEEDLEDROP_FIND_TOKEN", "secret")
    assert found() == ["a"]
