"""Choosing music on the page: chips, ranges, the map, players, reasons, files, and labels that come meanwhile."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import N_TRACKS, FedCatalog, New, track
from tests.catalog_events import deleted, labeled


def shown(page: Page) -> list[str]:
    """The ids of the tracks in the list."""
    found: list[str] = page.locator("#list > li").evaluate_all("rows => rows.map(row => row.dataset.id)")
    return found


def expect_total(page: Page, n: int) -> None:
    expect(page.locator("#total")).to_have_text(f"{n} tracks")


def test_chips_choose_and_can_be_taken_back(new: New, catalog: FedCatalog) -> None:
    page = new().go("/")
    expect_total(page, N_TRACKS)
    assert len(shown(page)) == 50

    page.get_by_role("button", name="jazz 16").click()
    expect_total(page, 16)
    page.get_by_role("button", name="mellow").click()
    expect(page.locator("#total")).not_to_have_text("16 tracks")
    assert shown(page) == catalog.ids("/api/tracks?genre=jazz&tag=mood:mellow")
    # Another genre still says how many it would add.
    expect(page.get_by_role("button", name="rock 6")).to_be_visible()

    page.reload()
    expect(page.get_by_role("button", name="jazz 6", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Clear all").click()
    expect_total(page, N_TRACKS)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#list > li")).to_have_count(N_TRACKS)


def test_words_sort_and_sureness_choose(new: New, catalog: FedCatalog) -> None:
    page = new().go("/")
    page.get_by_role("searchbox").fill("band 3")
    page.get_by_label("Sort").select_option("tempo")
    page.get_by_label("Only where the genre is sure").check()
    expect_total(page, len(catalog.ids("/api/tracks?text=band 3&unsure=false".replace(" ", "%20"))))
    assert shown(page) == catalog.ids("/api/tracks?text=band%203&unsure=false&sort=tempo")


def test_ranges_are_set_by_keyboard_and_on_the_histogram(new: New, catalog: FedCatalog) -> None:
    page = new().go("/")
    expect_total(page, N_TRACKS)

    at_least = page.get_by_role("slider", name="Energy at least")
    at_least.focus()
    page.keyboard.press("PageUp")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    expect(at_least).to_have_attribute("aria-valuetext", "0.50")
    expect_total(page, 32)
    assert set(shown(page)) == set(catalog.ids("/api/tracks?min_energy=0.5"))

    box = page.locator(".range", has_text="Valence").locator(".histogram").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 10, steps=5)
    page.mouse.up()
    expect_total(page, 16)
    expect(page.get_by_role("button", name="Remove Valence 0.25–0.75")).to_be_visible()


def draw(page: Page, *corners: tuple[float, float]) -> None:
    """Draw on the map; (0, 0) is its upper left."""
    box = page.locator("#map").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def test_what_is_drawn_around_on_the_map_is_chosen(new: New) -> None:
    page = new(1600, 1000).go("/")
    expect_total(page, N_TRACKS)
    expect(page.get_by_role("img", name=f"Map of {N_TRACKS} tracks")).to_be_visible()

    draw(page, (0.01, 0.99), (0.5, 0.99), (0.5, 0.5), (0.01, 0.5))
    expect_total(page, 16)
    wanted = {n for n in range(64) if n % 8 < 4 and n // 8 < 4}
    assert {int(one.split("/")[1][:2]) for one in shown(page)} == wanted
    expect(page.get_by_role("img", name="Map of 16 tracks of 64 tracks")).to_be_visible()

    draw(page, (0.25, 0.25), (0.25, 0.25))  # a click is no area
    page.get_by_role("button", name="Remove the area").click()
    expect_total(page, N_TRACKS)


def test_a_finger_scrolls_over_the_map_unless_it_shall_draw(new: New) -> None:
    looking = new(390, 844, has_touch=True, is_mobile=True)
    page = looking.go("/")
    page.locator("summary", has_text="Map").tap()
    page.locator("#map").tap(position={"x": 50, "y": 50})
    page.get_by_role("button", name="Draw around tracks").tap()
    session = page.context.new_cdp_session(page)
    box = page.locator("#map").bounding_box()
    assert box
    corners = [(0.05, 0.95), (0.5, 0.95), (0.5, 0.5), (0.05, 0.5)]
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove", "touchMove"), corners, strict=True):
        points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_total(page, 16)


def test_a_track_is_played_stopped_and_said_to_be_out_of_reach(new: New) -> None:
    looking = new()
    page = looking.go("/")
    page.get_by_role("button", name="Play Tune 62").click()
    looking.wait_for_sound()
    expect(page.locator("#player-title")).to_have_text("Tune 62")
    page.locator("#list").get_by_role("button", name="Stop Tune 62").click()
    assert looking.sound()["paused"]

    page.get_by_role("button", name="Play Tune 63").click()
    expect(page.locator("#player-note")).to_contain_text("no preview")
    expect(page.locator("#list").get_by_role("button", name="Play Tune 63")).to_be_visible()


def test_a_label_is_explained(new: New) -> None:
    page = new().go("/")
    page.get_by_role("button", name="Why this label: Tune 61").click()
    said = page.locator(".why").first
    expect(said).to_contain_text("Most likely classical, with 75%, then blues with 25%. That is too unsure to act on.")
    expect(said).to_contain_text("Mood: happy")
    expect(said).to_contain_text("(80%)")
    expect(said).to_contain_text("by ensemble e")


def test_more_like_this_comes_with_reasons_and_can_be_taken_away(new: New, catalog: FedCatalog) -> None:
    page = new().go("/")
    page.get_by_role("button", name="More like this: Tune 60").click()
    expect(page.locator("#total")).to_contain_text("like this")
    alike = catalog.ids("/api/similar?id=jazz/60.wav&limit=50")
    assert shown(page) == alike
    expect(page.locator(".reasons").first).to_contain_text("alike: ")
    expect(page.get_by_role("button", name="Remove like Tune 60")).to_be_visible()

    page.locator("#format").select_option("json")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert {one["id"] for one in json.loads(Path(download.value.path()).read_text())} == set(alike)


def test_a_selection_is_exported(new: New, catalog: FedCatalog) -> None:
    page = new().go("/?genre=folk")
    expect_total(page, 16)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "needledrop.m3u8"
    playlist = Path(download.value.path()).read_text()
    assert playlist.startswith("#EXTM3U")
    assert playlist.count(catalog.tone.as_uri()) == 16


def test_a_selection_is_saved_used_and_forgotten(new: New, catalog: FedCatalog) -> None:
    page = new().go("/?genre=rock&max_tempo=100")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Name").fill("Für Oma")
    page.keyboard.press("Enter")
    chip = page.get_by_role("button", name="Für Oma", exact=True)
    expect(chip).to_be_visible()
    saved = catalog.running.get("/api/selections")["items"]
    assert [(one["name"], one["query"]) for one in saved] == [("Für Oma", {"genre": ["rock"], "max_tempo": 100})]

    page.goto(catalog.address)
    chip.click()
    expect_total(page, 5)
    page.get_by_role("button", name="Forget").click()
    expect_total(page, N_TRACKS)
    expect(chip).to_have_count(0)


def test_a_track_appears_as_it_is_labeled_and_is_announced(new: New, catalog: FedCatalog) -> None:
    page = new().go("/")
    expect_total(page, N_TRACKS)
    expect(page.locator("#live")).to_have_class("live on")

    fresh = track(64, catalog.tone)
    try:
        catalog.publish(fresh)
        first = page.locator("#list > li").first
        expect(first).to_contain_text("Tune 64")
        expect(first).to_have_class("track new")
        expect_total(page, N_TRACKS + 1)
        expect(page.locator("#said")).to_contain_text("Tune 64", timeout=1000)

        # Under somebody's hand nothing moves: what has come is offered.
        page.locator("#list > li").nth(3).hover()
        before = shown(page)
        catalog.publish(labeled("late", 100, submission_title="Latecomer"))
        offer = page.get_by_role("button", name="Show them")
        expect(offer).to_be_visible()
        assert shown(page) == before
        offer.click()
        expect(page.locator("#list > li").first).to_contain_text("Latecomer")
    finally:
        catalog.publish(deleted("jazz/64.wav", 101), deleted("late", 102))
        expect(page.locator("#live-text")).to_have_text(f"Live: {N_TRACKS} tracks labeled")


def test_a_phone_shows_all_of_it_without_scrolling_sideways(new: New) -> None:
    page = new(360, 740, has_touch=True, is_mobile=True).go("/")
    expect_total(page, N_TRACKS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.get_by_role("button", name="jazz 16")).to_be_hidden()
    page.locator("summary", has_text="Filters").tap()
    page.get_by_role("button", name="jazz 16").tap()
    expect_total(page, 16)
    page.get_by_role("button", name="Why this label").first.tap()
    expect(page.locator(".why").first).to_contain_text("Most likely jazz")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
