"""A catalog that asks for tokens: the page asks for one, and plays and exports with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from shared.settings.media import MediaSettings
from tests.browser.conftest import N_TRACKS, FedCatalog, New, eventually
from tests.running_catalog import RunningCatalog
from workers.catalog.web.doors import hash_of


@pytest.fixture
def closed(catalog: FedCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningCatalog]:
    """A second catalog of the same labels, for those who know the token."""
    monkeypatch.setenv("NEEDLEDROP_CATALOG_CALLERS", hash_of("open sesame"))
    running = RunningCatalog(catalog.kafka, tmp_path, MediaSettings(roots=(catalog.tone.parent,)))
    eventually(running.is_ready)
    yield running
    running.stop()


def test_the_page_asks_for_a_token_and_uses_it_for_everything(new: New, closed: RunningCatalog) -> None:
    looking = new(address=closed.address)
    page = looking.go("/")
    field = page.get_by_role("textbox", name="Token")
    field.fill("close sesame")
    page.keyboard.press("Enter")
    expect(page.get_by_text("is not known here")).to_be_visible()
    field.fill("open sesame")
    page.keyboard.press("Enter")
    expect(page.locator("#total")).to_have_text(f"{N_TRACKS} tracks")
    expect(page.locator("#live")).to_have_class("live on")
    page.get_by_role("button", name="Play Tune 62").click()
    looking.wait_for_sound()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert Path(download.value.path()).read_text().startswith("#EXTM3U")

    # Plain mode on this device has it from now on.
    looking.go("/plain")
    page.get_by_role("button", name="Calm").click()
    looking.wait_for_sound()


def test_who_has_no_token_is_asked_once(new: New, closed: RunningCatalog) -> None:
    page = new(address=closed.address).go("/")
    expect(page.get_by_role("textbox", name="Token")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_have_text("A valid token is needed; load the page again to give one.")
    page.wait_for_timeout(3500)  # as long as the page waits before it tries again to hear news
    expect(page.get_by_role("textbox", name="Token")).to_be_hidden()
