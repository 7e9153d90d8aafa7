import asyncio
import json
import socket
from pathlib import Path

import aiohttp
import pytest

from schemas.errors import InvalidSettingError
from shared.settings.trends import TrendsSettings
from workers.trends.view import Period, Standing, View
from workers.trends.web import serving_view

PERIOD = Period("2026-01-01T12:00:00+00:00", 1, 0, 0, 0.0, {"jazz": 1}, {}, {})
VIEW = View("2026-01-01T12:00:30+00:00", Standing(True, 0, 4, 4), PERIOD, PERIOD, [PERIOD])


async def answers(path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    async with (
        serving_view(TrendsSettings(web_port=0), lambda: VIEW) as address,
        aiohttp.ClientSession() as session,
        session.request(method, address + path) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.text()


def test_view_is_served_as_a_page_with_a_policy() -> None:
    status, headers, text = asyncio.run(answers("/"))

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert ">jazz<" in text


def test_view_is_served_as_data() -> None:
    status, headers, text = asyncio.run(answers("/trends.json"))

    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    found = json.loads(text)
    assert found["standing"]["live"] is True
    assert found["minute"]["genres"] == {"jazz": 1}


@pytest.mark.parametrize(("path", "method", "expected"), [("/nothing", "GET", 404), ("/", "POST", 405)])
def test_view_refuses_what_it_has_not(path: str, method: str, expected: int) -> None:
    assert asyncio.run(answers(path, method))[0] == expected


def test_port_that_is_taken_is_an_invalid_setting_that_names_it() -> None:
    async def serve(port: int) -> None:
        async with serving_view(TrendsSettings(web_port=port), lambda: VIEW):
            pytest.fail("two listen on one port")

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InvalidSettingError, match="NEEDLEDROP_TRENDS_WEB_PORT"),
    ):
        asyncio.run(serve(taken.getsockname()[1]))


def test_page_travels_with_the_package() -> None:
    import workers.trends.page

    assert Path(workers.trends.page.__file__).with_name("page.html").is_file()
