"""Selections that people save: over HTTP, on the command line, and when the catalogue is rebuilt."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import StringConstraints, TypeAdapter, ValidationError
from typer.testing import CliRunner

from schemas.errors import InvalidSettingError
from tests.catalog_events import labeled
from tests.embedded.catalog.conftest import Served
from workers.catalog import saved
from workers.catalog.saved import SavedSelections
from workers.catalog.web.queries import SAVED_NAME
from workers.cli.main import app

Serve = Callable[..., Served]


def track(track_id: str, n: int, genre: str, energy: float) -> Any:
    return labeled(track_id, n, genres=[{"genre": genre, "probability": 0.9}], features={"energy": energy})


@pytest.fixture
def catalog(served: Serve) -> Served:
    return served(track("a", 1, "jazz", 0.2), track("b", 2, "jazz", 0.8), track("c", 3, "rock", 0.25))


def put(catalog: Served, name: str, **query: Any) -> int:
    return catalog.client.put(f"/api/selections/{name}", json=query).status_code


def test_a_selection_is_saved_listed_read_used_replaced_and_deleted(catalog: Served) -> None:
    assert put(catalog, "Für Oma", genre=["jazz"], max_energy=0.5) == 200
    assert put(catalog, "picked", track=["a", "c", "gone"]) == 200

    assert [one["name"] for one in catalog.get("/api/selections")["items"]] == ["Für Oma", "picked"]
    assert catalog.get("/api/selections/Für Oma")["query"] == {"genre": ["jazz"], "max_energy": 0.5}
    assert catalog.ids("/api/tracks", saved="Für Oma") == ["a"]
    assert catalog.ids("/api/tracks", saved="picked", sort="labeled_at") == ["a", "c"]
    assert catalog.ids("/api/tracks", saved="picked", genre="rock") == ["c"]
    assert catalog.get("/api/facets", saved="picked")["genres"] == {"jazz": 1, "rock": 1}
    assert catalog.ids("/api/similar", id="b", saved="picked") == ["a", "c"]
    assert catalog.ids("/api/recommend", target_energy=0.3, saved="Für Oma") == ["a"]
    exported = catalog.client.get("/api/export", params={"saved": "picked", "format": "json"}).json()
    assert {one["id"] for one in exported} == {"a", "c"}

    assert put(catalog, "picked", genre=["rock"]) == 200
    assert catalog.ids("/api/tracks", saved="picked") == ["c"]
    assert catalog.client.delete("/api/selections/picked").status_code == 204
    assert catalog.refused("/api/tracks", saved="picked") == (404, "no such saved selection: picked")
    assert catalog.client.delete("/api/selections/picked").status_code == 404


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("a", {"no_such_parameter": 1}, 400),
        ("a", {"max_energy": "'; DROP TABLE labels"}, 400),
        ("a", {"max_energy": "0.5"}, 400),
        ("a", {"min_year": True}, 400),
        ("a", {"min_tag": True}, 400),
        ("a", {"unsure": 1}, 400),
        ("a", {"saved": "a"}, 400),
        ("a", {"track": ["x"] * 501}, 400),
        ("..%2f..%2fetc%2fpasswd", {}, 404),
        ("%2e%2e", {}, 400),
        ("a%00b", {}, 400),
        ("x" * 65, {}, 400),
        ("a\u202eb", {}, 400),
        ("a%0a", {}, 400),
    ],
)
def test_what_makes_no_selection_is_not_saved(
    catalog: Served, tmp_path: Path, name: str, query: dict[str, Any], status: int
) -> None:
    before = {file.name for file in tmp_path.iterdir()}
    assert put(catalog, name, **query) in ({status, 404, 405} if "%2e" in name else {status})
    assert catalog.get("/api/selections")["items"] == []
    assert {file.name for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["Für Oma", "हिन्दी गाने", "日本の歌 1", "أغاني", "it's_calm-2.0"])
def test_a_name_may_be_of_any_language(catalog: Served, name: str) -> None:
    assert put(catalog, name, genre=["jazz"]) == 200
    assert [one["name"] for one in catalog.get("/api/selections")["items"]] == [name]
    assert catalog.ids("/api/tracks", saved=name, sort="energy") == ["a", "b"]


def test_names_are_the_same_to_other_engines_of_regular_expressions() -> None:
    ours = TypeAdapter(Annotated[str, StringConstraints(pattern=SAVED_NAME)])

    def accepts(name: str) -> bool:
        try:
            return bool(ours.validate_python(name))
        except ValidationError:
            return False

    # Of one character and no newline, which Python's `$` takes for the end.
    apart = [c for c in map(chr, range(0xD800)) if accepts(c) != bool(re.fullmatch(SAVED_NAME, c))]
    assert apart == []


def test_only_so_many_are_saved(catalog: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST", 2)
    assert [put(catalog, name) for name in ("a", "b", "c")] == [200, 200, 409]
    assert put(catalog, "a", genre=["rock"]) == 200


def test_a_page_of_another_site_may_not_save(served: Serve) -> None:
    catalog = served(origins=frozenset({"https://good.example"}))

    asking = {"origin": "https://good.example", "access-control-request-method": "PUT"}
    assert catalog.client.options("/api/selections/a", headers=asking).status_code == 400


def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "selections.json"
    file.write_text('[{"name": "calm"')

    with pytest.raises(InvalidSettingError, match=r"selections\.json"):
        SavedSelections(file)
    assert file.read_text() == '[{"name": "calm"'


def test_find_saves_and_uses(catalog: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_FIND_URL", catalog.address)

    def found(*arguments: str) -> list[str]:
        result = CliRunner().invoke(app, ["find", *arguments])
        assert result.exit_code == 0, result.output
        return [json.loads(line)["id"] for line in result.stdout.splitlines()]

    assert found("--energy", "..0.5", "--sure", "--save", "quiet ones", "--sort", "labeled_at") == ["a", "c"]
    assert found("--saved", "quiet ones", "--genre", "rock") == ["c"]
    assert catalog.get("/api/selections/quiet ones")["query"]["max_energy"] == 0.5
    assert CliRunner().invoke(app, ["find", "--like", "a", "--save", "b"]).exit_code == 2
