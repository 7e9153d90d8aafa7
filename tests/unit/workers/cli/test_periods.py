from datetime import timedelta

import pytest
import typer

from workers.cli.periods import period


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("7d", 604_800), (" 1h ", 3600)]
)
def test_period_is_number_and_unit(text: str, seconds: int) -> None:
    assert period(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "h", "-1h", "0m", "1.5h", "2 h", "2h30m", "10y", "9999999d"])
def test_period_refuses_what_is_none_and_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 90s, 10m, 2h or 7d"):
        period(text)
