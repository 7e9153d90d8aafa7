"""The front end as data."""

import dataclasses
import json

import pytest

from schemas.errors import InvalidSettingError
from shared.front_end.spec import MUSICNN_96, FrontEnd


def test_default_front_end_is_that_of_the_published_networks() -> None:
    assert dataclasses.asdict(MUSICNN_96) == {
        "name": "musicnn_96",
        "sample_rate_hz": 16_000,
        "n_fft": 512,
        "hop_length": 256,
        "n_bands": 96,
        "compression": "log10_10k",
        "transport": "float16",
    }
    assert MUSICNN_96.frame_s == 0.016


def test_front_end_survives_json() -> None:
    other = FrontEnd(name="short_chunk", n_bands=128, compression="db", transport="float32")

    assert FrontEnd.from_json(json.loads(json.dumps(other.as_json()))) == other


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("sample_rate_hz", 0),
        ("sample_rate_hz", 16_000.0),
        ("n_fft", 511),
        ("n_fft", 128),  # shorter than the hop
        ("hop_length", True),
        ("n_bands", 300),
        ("compression", "ln"),
        ("transport", "int8"),
    ],
)
def test_front_end_refuses_a_value_it_does_not_support_and_names_the_field(field: str, value: object) -> None:
    with pytest.raises(InvalidSettingError, match=f"{field}={value!r}"):
        FrontEnd.from_json({**MUSICNN_96.as_json(), field: value})


def test_front_end_refuses_decibels_in_float16_which_cannot_hold_quiet_powers() -> None:
    with pytest.raises(InvalidSettingError, match="transport"):
        FrontEnd(name="db", compression="db")


def test_front_end_refuses_a_field_it_does_not_know_since_it_would_compute_something_else() -> None:
    with pytest.raises(InvalidSettingError, match="mel_scale"):
        FrontEnd.from_json({"name": "htk", "mel_scale": "htk"})
