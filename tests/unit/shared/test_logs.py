import json
import logging
import re
from collections.abc import Iterator

import pytest

from shared.logs import start_logging
from shared.settings.workers import LogSettings


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in ("httpx", "botocore")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in chatty.items():
        logging.getLogger(name).setLevel(before)


def test_a_line_is_one_json_object_with_what_is_always_there(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(LogSettings(), worker="extractor")

    logging.getLogger("needledrop.extractor").info("took\n%s", "it", extra={"coordinates": "t:0:1", "n": 3})

    [line] = capsys.readouterr().err.splitlines()
    fields = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", fields.pop("time"))
    assert fields == {
        "level": "INFO",
        "logger": "needledrop.extractor",
        "message": "took\nit",
        "worker": "extractor",
        "coordinates": "t:0:1",
        "n": 3,
    }


def test_a_trace_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(LogSettings())

    try:
        int("no number")
    except ValueError:
        logging.getLogger("needledrop").exception("caught")

    [line] = capsys.readouterr().err.splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exc_info"]


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(LogSettings(format="text"), worker="extractor")

    logging.getLogger("needledrop").warning("be careful")

    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING be careful\n", capsys.readouterr().err)


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 3), ("INFO", 2), ("ERROR", 0)])
def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str], level: str, lines: int) -> None:
    start_logging(LogSettings.model_validate({"level": level}))
    log = logging.getLogger("needledrop.level")

    log.debug("one")
    log.info("two")
    log.warning("three")

    assert len(capsys.readouterr().err.splitlines()) == lines


def test_clients_that_log_every_request_with_its_url_are_kept_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(LogSettings(level="DEBUG"))

    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/?signature=secret")
    logging.getLogger("botocore.auth").debug("secret")

    assert capsys.readouterr().err == ""


def test_starting_twice_writes_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(LogSettings())
    start_logging(LogSettings())

    logging.getLogger("needledrop").info("once")

    assert len(capsys.readouterr().err.splitlines()) == 1
