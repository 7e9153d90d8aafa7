import json
from collections.abc import Callable

from schemas.events import AudioFeatures
from shared.features import DEFINITIONS, SignalFeatures, complete, measured

Build = Callable[..., SignalFeatures]

# Spotify's AudioFeaturesObject, without its links and ids.
SPOTIFY = {
    *("danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness"),
    *("liveness", "valence", "tempo", "time_signature", "duration_ms"),
}
TAGGED = {"speechiness", "acousticness", "instrumentalness", "liveness", "valence"}


def test_complete_has_spotifys_fields_a_confidence_for_each_and_the_other_tempo(a_signal: Build) -> None:
    found = json.loads(complete(a_signal(), [{"vocals": 0.3, "no vocals": 0.01}]).model_dump_json())

    assert set(found) == SPOTIFY | {"confidence", "tempo_alternative"}
    assert set(found["confidence"]) == SPOTIFY
    assert found["tempo_alternative"] == {"bpm": 60.0, "weight": 0.2}
    assert None not in found.values()


def test_complete_values_pass_the_events_own_checks(a_signal: Build) -> None:
    found = complete(a_signal(), [{"rock": 0.4}])

    assert AudioFeatures.model_validate(found.model_dump()) == found


def test_measured_leaves_out_what_needs_tags(a_signal: Build) -> None:
    found = measured(a_signal()).model_dump(exclude_none=True)

    assert set(found) == SPOTIFY - TAGGED | {"confidence", "tempo_alternative"}
    assert set(found["confidence"]) == SPOTIFY - TAGGED


def test_complete_of_silence_has_no_loudness_and_no_confidence(a_signal: Build) -> None:
    found = complete(a_signal(loudness=None, tempo_alternative_bpm=0.0), [{"vocals": 0.3, "no vocals": 0.01}])

    assert found.loudness is None
    assert found.tempo_alternative is None
    assert found.confidence is not None
    assert all(found.confidence[name] == 0.0 for name in TAGGED | {"loudness"})


def test_definitions_are_one_a_feature() -> None:
    assert [one.name for one in DEFINITIONS] == [name for name in AudioFeatures.model_fields if name in SPOTIFY]
    assert {one.name for one in DEFINITIONS if one.filled_by == "classifier"} == TAGGED
