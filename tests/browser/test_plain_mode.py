"""Plain mode, as somebody who sees badly, forgets much and has only a keyboard would meet it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FedCatalog, Looking, New
from workers.catalog.web import pages

CHOICES = ("Calm", "Cheerful", "From your youth", "Like this one")
SMALLEST_PX = 24
SCREENS = ((1280, 800), (390, 844), (800, 1280), (1024, 600), (360, 640))
# The size of each text that is shown.
SIZES = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && element.checkVisibility())
      found.push([walker.currentNode.data.trim(), parseFloat(getComputedStyle(element).fontSize)]);
  }
  return found;
}"""


@pytest.fixture
def save(catalog: FedCatalog) -> Iterator[Callable[..., None]]:
    """Saves a selection until the test ends: the catalog is that of other tests, too."""
    names: list[str] = []

    def saving(name: str, **query: Any) -> None:
        names.append(name)
        catalog.running.put(f"/api/selections/{name}", query)

    yield saving
    for name in names:
        catalog.running.delete(f"/api/selections/{name}")


def tab_to(page: Page, name: str, most: int = 20) -> None:
    """Press Tab until what has this name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(
            "document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText"
        ).startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name}")


def set_up(looking: Looking, **profile: object) -> Page:
    """Open the listener's page on a device that was set up."""
    looking.go("/plain")
    looking.page.evaluate("found => localStorage.setItem('needledrop-plain', JSON.stringify(found))", profile)
    return looking.go("/plain")


def test_from_set_up_to_music_with_the_keyboard_only(new: New, catalog: FedCatalog, save: Callable[..., None]) -> None:
    save("Abends", max_energy=0.5)
    looking = new()
    page = looking.go("/plain/setup")
    expect(page.get_by_role("option", name="Abends")).to_be_attached()

    tab_to(page, "Language")
    page.keyboard.type("Deutsch")
    expect(page.get_by_role("heading")).to_have_text("Einfache Ansicht einrichten")
    tab_to(page, "Welche Musik")
    page.keyboard.type("Abends")
    tab_to(page, "Geburtsjahr")
    page.keyboard.type("1935")
    n_youth = len(catalog.ids("/api/tracks?saved=Abends&min_year=1945&max_year=1960"))
    expect(page.locator("#youth")).to_have_text(f"„Aus Ihrer Jugend“ spielt Musik von 1945 bis 1960: {n_youth} Stücke.")
    tab_to(page, "Nie lauter als")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")  # from 60, by 5
    expect(page.locator("#volume-text")).to_have_text("30 %")
    tab_to(page, "Beginnen")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading")).to_have_text("Was möchten Sie hören?")
    tab_to(page, "Aus Ihrer Jugend")
    page.keyboard.press("Enter")
    looking.wait_for_sound()
    page.wait_for_function("() => document.querySelector('audio').volume > 0.1")
    assert looking.sound()["volume"] <= 0.3
    year = int(page.locator("#by").inner_text().split(", ")[-1])
    assert 1945 <= year <= 1960
    tab_to(page, "Anhalten")
    page.keyboard.press("Space")
    assert looking.sound()["paused"]
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Anhalten")).to_be_focused()
    page.wait_for_function("() => !document.querySelector('audio').paused")


def test_each_choice_plays_what_it_says(new: New, catalog: FedCatalog) -> None:
    looking = new()
    page = set_up(looking, born=1950, volume=50)
    energies = {item["title"]: item["features"] for item in catalog.running.get("/api/tracks?limit=200")["items"]}

    for name in CHOICES:
        page.get_by_role("button", name=name).click()
        expect(page.locator("#by")).not_to_be_empty()
        looking.wait_for_sound()
        expect(page.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
        features = energies[page.locator("#now").inner_text()]
        if name == "Calm":
            assert features["energy"] < 0.5
        if name == "Cheerful":
            assert features["valence"] > 0.5
        if name == "From your youth":
            assert 1960 <= int(page.locator("#by").inner_text().split(", ")[-1]) <= 1975


def test_the_next_track_follows_by_itself(new: New) -> None:
    looking = new()
    page = set_up(looking, volume=50)
    page.get_by_role("button", name="Play").click()
    looking.wait_for_sound()
    first = page.locator("#now").inner_text()
    page.evaluate("document.querySelector('audio').currentTime = 11.8")
    expect(page.locator("#now")).not_to_have_text(first)
    looking.wait_for_sound()


def places(page: Page) -> list[Any]:
    """Where the five buttons are."""
    buttons = page.locator("[data-choice], #play")
    return [buttons.nth(index).bounding_box() for index in range(5)]


@pytest.mark.parametrize("language", ["en", "de"])
def test_everything_is_large_in_its_place_and_on_one_screen(new: New, language: str) -> None:
    looking = new()
    page = set_up(looking, language=language, volume=50)
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        before = places(page)
        for box in before:
            assert min(box["width"], box["height"]) >= 80
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
        page.locator("[data-choice]").nth(1).click()
        expect(page.locator("#by")).not_to_be_empty()
        assert places(page) == before
        assert [(text, size) for text, size in page.evaluate(SIZES) if size < SMALLEST_PX] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"{looking.address}/plain/setup")
    expect(page.locator("#youth")).not_to_be_empty()
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert [(text, size) for text, size in page.evaluate(SIZES) if size < SMALLEST_PX] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_disappears_by_itself_and_no_key_leads_away(new: New) -> None:
    looking = new()
    page = set_up(looking, volume=50)
    page.get_by_role("button", name="Calm").click()
    looking.wait_for_sound()
    before = page.locator("main").inner_html()
    page.mouse.move(5, 5)
    for key in ("Escape", "Backspace", "ArrowDown", "a", "F2", "Home"):
        page.keyboard.press(key)
    page.wait_for_timeout(2500)
    assert page.locator("main").inner_html() == before
    assert page.url == f"{looking.address}/plain"
    assert page.locator("a, input, select, [href], form, dialog").filter(visible=True).count() == 0


def test_without_music_that_can_be_played_it_says_whom_to_ask(new: New, save: Callable[..., None]) -> None:
    save("far", track=["rock/63.wav"])
    looking = new()
    page = set_up(looking, volume=50, saved="far")
    page.get_by_role("button", name="Cheerful").click()
    expect(page.locator("#now")).to_have_text("There is no music here yet. Please ask the person who set this up.")
    expect(page.get_by_role("button", name="Play")).to_be_visible()

    looking.page.context.set_offline(True)
    page.get_by_role("button", name="Calm").click()
    expect(page.locator("#now")).to_have_text("The music cannot be reached. Please press Play again.")
    looking.page.context.set_offline(False)


def test_every_language_has_every_text() -> None:
    languages = json.loads((Path(pages.__file__).with_name("page") / "plain" / "texts.json").read_text())
    assert set(languages) >= {"en", "de"}
    for texts in languages.values():
        assert set(texts) == set(languages["en"])
        assert all(texts.values())
        assert {key: text.count("{") for key, text in texts.items()} == {
            key: text.count("{") for key, text in languages["en"].items()
        }
