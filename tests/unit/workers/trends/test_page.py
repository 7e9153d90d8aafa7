import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from workers.trends.page import CONTENT_SECURITY_POLICY, page
from workers.trends.view import Period, Standing, View

EMPTY = Period("2026-01-01T12:00:00+00:00", 0, 0, 0, None, {}, {}, {})
BUSY = Period("2026-01-01T11:00:00+00:00", 5, 1, 1, 0.2, {"jazz": 4, "rock": 1}, {"happy": 5}, {"not_found": 1})
LIVE = Standing(live=True, behind=0, partitions=4, partitions_in_all=4)
VIEW = View("2026-01-01T12:00:30+00:00", LIVE, EMPTY, BUSY, [EMPTY, BUSY])


class _Balance(HTMLParser):
    """Fails where an element is closed that is not open."""

    VOID = ("meta", "link", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def parsed(text: str) -> _Balance:
    parser = _Balance()
    parser.feed(text)
    assert parser.open == []
    return parser


def test_page_shows_bars_in_proportion_to_the_highest() -> None:
    shown = page(VIEW)

    assert re.search(r">jazz</th>.*?width=\"100.0%\".*?>4<", shown)
    assert re.search(r">rock</th>.*?width=\"25.0%\".*?>1<", shown)
    assert "5 labels, 1 unsure (20%); 1 failure;" in shown


def test_page_asks_nothing_of_other_places() -> None:
    assert set(parsed(page(VIEW)).addresses) == {"data:,", "trends.json"}


def test_page_runs_its_own_script_only() -> None:
    script = page(VIEW).partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"script-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


def test_page_escapes_names() -> None:
    shown = page(replace(VIEW, hour=replace(BUSY, genres={"<script>alert(1)</script>": 1})))

    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


@pytest.mark.parametrize(
    ("standing", "text"),
    [
        (LIVE, "Live"),
        (replace(LIVE, live=False, behind=12), "12 offsets behind"),
        (replace(LIVE, live=False, behind=None), "Starting"),
        (replace(LIVE, partitions=1), "counts 1 of 4 partitions"),
    ],
)
def test_page_says_how_far_the_counts_are(standing: Standing, text: str) -> None:
    assert text in page(replace(VIEW, standing=standing))


def test_page_is_whole_when_nothing_was_counted_yet() -> None:
    shown = page(View("2026-01-01T12:00:30+00:00", LIVE, EMPTY, EMPTY, [EMPTY]))

    parsed(shown)
    assert "nothing yet" in shown
    assert "unsure (" not in shown
