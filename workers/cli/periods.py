"""Periods as people type them: 90s, 10m, 2h, 7d."""

import re
from datetime import timedelta
from typing import Final

import typer

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PERIOD: Final = re.compile(r"(\d{1,6})([smhd])")


def period(text: str) -> timedelta:
    """``2h`` as a period. Raises: typer.BadParameter, saying what it should look like."""
    match = _PERIOD.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no period: write 90s, 10m, 2h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
