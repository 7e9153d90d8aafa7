import json
from collections.abc import Callable

import pytest

from schemas.errors import InvalidFeaturesError
from shared.features import SignalFeatures

Build = Callable[..., SignalFeatures]


@pytest.mark.parametrize("loudness", [-9.5, None])
def test_signal_features_survive_json(a_signal: Build, loudness: float | None) -> None:
    signal = a_signal(loudness=loudness)

    assert SignalFeatures.from_json(json.loads(json.dumps(signal.as_json()))) == signal


def test_signal_features_are_read_from_a_map_of_floats_with_more_in_it(a_signal: Build) -> None:
    values = {name: float(value) for name, value in a_signal().as_json().items()} | {"of_a_later_version": 1.0}

    found = SignalFeatures.from_json(values)

    assert found == a_signal()
    assert isinstance(found.key, int)
    assert isinstance(found.duration_ms, int)


def test_signal_features_are_refused_when_a_value_is_missing(a_signal: Build) -> None:
    values = a_signal().as_json()
    del values["tempo"]

    with pytest.raises(InvalidFeaturesError, match="tempo"):
        SignalFeatures.from_json(values)
