"""axe-core finds nothing in either mode, light and dark, wide and narrow."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import N_TRACKS, Looking, New


def violations(looking: Looking) -> list[str]:
    """Of the page as it is now, in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        looking.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {one}" for one in looking.violations()]
    return found


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_page_has_no_violation(new: New, width: int, height: int) -> None:
    looking = new(width, height)
    page = looking.go("/")
    expect(page.locator("#total")).to_have_text(f"{N_TRACKS} tracks")
    expect(page.locator("#live")).to_have_class("live on")
    if width < 1000:
        for summary in page.locator(".panel > summary").all():
            summary.click()
    page.get_by_role("button", name="jazz 16").click()
    expect(page.locator("#total")).to_have_text("16 tracks")
    page.locator("summary", has_text="More about the sound").click()
    page.get_by_role("button", name="Why this label").first.click()
    expect(page.locator(".why").first).to_contain_text("Most likely jazz")
    page.get_by_role("button", name="Play Tune").first.click()
    looking.wait_for_sound()
    assert violations(looking) == []

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(looking) == []


def test_plain_mode_and_its_set_up_have_no_violation(new: New) -> None:
    looking = new()
    page = looking.go("/plain/setup")
    expect(page.locator("#youth")).not_to_be_empty()
    assert violations(looking) == []

    page = looking.go("/plain")
    assert violations(looking) == []
    page.get_by_role("button", name="Calm").click()
    looking.wait_for_sound()
    assert violations(looking) == []
