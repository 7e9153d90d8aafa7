import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shared.features import SignalFeatures
from shared.features.tagged import (
    TagVotes,
    acousticness,
    instrumentalness,
    liveness,
    speechiness,
    valence,
)

Build = Callable[..., SignalFeatures]

FEATURES = (instrumentalness, speechiness, acousticness, liveness, valence)
NO_TAGS = TagVotes([])


def test_instrumentalness_follows_the_lead_of_no_vocals_over_vocals(a_signal: Build) -> None:
    sung = instrumentalness(a_signal(), TagVotes([{"female vocals": 0.7, "no vocals": 0.03}]))
    played = instrumentalness(a_signal(), TagVotes([{"female vocals": 0.02, "no vocals": 0.3}]))

    assert sung.value < 0.25
    assert played.value > 0.9
    assert min(sung.confidence, played.confidence) > 0.4


def test_speechiness_is_high_for_speech_middling_for_rap_low_for_a_song(a_signal: Build) -> None:
    speech = a_signal(syllabic=0.55, pauses=0.35, pulse_clarity=0.0, tonality=0.0)

    assert speechiness(speech, TagVotes([{"hip-hop": 0.05}])).value > 0.66
    assert 0.33 < speechiness(a_signal(), TagVotes([{"Hip-Hop": 0.5}])).value < 0.66
    assert speechiness(a_signal(), TagVotes([{"hip-hop": 0.01}])).value < 0.1
    # Half of a song's modulation may lie at the rate of syllables: its beat and its scale tell it from speech.
    assert speechiness(a_signal(syllabic=0.55, pauses=0.35), NO_TAGS).value < 0.1


def test_acousticness_compares_acoustic_with_electric_tags(a_signal: Build) -> None:
    sonata = acousticness(a_signal(energy=0.2), TagVotes([{"piano": 0.6, "electronic": 0.02}]))
    techno = acousticness(a_signal(energy=0.9), TagVotes([{"piano": 0.02, "techno": 0.7}]))

    assert sonata.value > 0.9
    assert techno.value < 0.1


def test_liveness_claims_nothing_without_applause_or_a_tag_of_an_audience(a_signal: Build) -> None:
    votes = TagVotes([{"rock": 0.9}])
    quiet, clapping = liveness(a_signal(), votes), liveness(a_signal(applause=0.8), votes)

    assert quiet.value == pytest.approx(0.12)
    assert quiet.confidence == pytest.approx(0.05)
    assert 0.4 < clapping.value <= 0.61  # of an audience, not a "strong likelihood"
    assert clapping.confidence < 0.3
    assert liveness(a_signal(), TagVotes([{"live": 0.5}])).value > 0.8


def test_tag_votes_average_members_that_know_both_sides() -> None:
    says_voice, says_none = {"vocal": 0.5, "no vocal": 0.05}, {"vocal": 0.05, "no vocal": 0.5}
    knows_one_side = {"vocal": 0.9}

    def lead(*members: dict[str, float]) -> float | None:
        return TagVotes(members).lead(("no vocal",), ("vocal",))

    assert lead(says_voice, says_none) == pytest.approx(0.0)
    assert lead(says_voice, knows_one_side) == lead(says_voice)
    assert lead(knows_one_side) is None
    assert (lead(says_voice) or 0.0) < -1.5


@pytest.mark.parametrize(("feature", "tags"), [
    (instrumentalness, ("no vocals", "vocals")), (acousticness, ("piano", "techno")), (valence, ("happy", "sad")),
])  # fmt: skip
def test_tagged_features_move_by_no_more_than_their_slope(
    feature: Callable[..., Any], tags: tuple[str, str], a_signal: Build
) -> None:
    def value(nats: float) -> float:
        return float(feature(a_signal(), TagVotes([{tags[0]: 0.1, tags[1]: 0.1 * math.exp(-nats)}])).value)

    # 3 dB of gain move the members' lead by 0.2 nats; wherever it is, a feature moves by 0.05 at most.
    for nats in np.linspace(-2.0, 4.0, 31):
        assert 0.0 <= value(nats + 0.2) - value(nats) <= 0.05


def test_valence_rises_with_happy_tags_and_in_major(a_signal: Build) -> None:
    def of(mode: int, happy: float, sad: float) -> float:
        return valence(a_signal(mode=mode), TagVotes([{"happy": happy, "sad": sad}])).value

    assert of(1, 0.3, 0.01) > of(1, 0.05, 0.05) > of(1, 0.01, 0.3)
    assert of(1, 0.05, 0.05) > of(0, 0.05, 0.05)


@pytest.mark.parametrize("feature", FEATURES)
def test_tagged_features_stay_in_range_whatever_they_are_told(feature: Callable[..., object], a_signal: Build) -> None:
    extremes = (0.0, 1.0)
    tags = ("vocals", "no vocals", "acoustic", "techno", "happy", "sad", "live", "speech", "rap")
    for probability, energy, clarity in itertools.product((0.0, 0.5, 1.0), extremes, extremes):
        votes = TagVotes([dict.fromkeys(tags, probability)])
        signal = a_signal(energy=energy, pulse_clarity=clarity, tonality=clarity, syllabic=energy, pauses=energy)

        found = feature(signal, votes)

        assert 0.0 <= found.value <= 1.0  # type: ignore[attr-defined]  # an Estimate
        assert 0.0 <= found.confidence <= 1.0  # type: ignore[attr-defined]  # an Estimate


@pytest.mark.parametrize("feature", FEATURES)
def test_tagged_features_are_unsure_without_tags(feature: Callable[..., object], a_signal: Build) -> None:
    assert feature(a_signal(), NO_TAGS).confidence <= 0.25  # type: ignore[attr-defined]  # an Estimate


def test_tag_votes_know_a_tag_by_any_spelling() -> None:
    votes = TagVotes([{"Female Vocalists": 0.2, "instrument---electricguitar": 0.3, "Hip-Hop": 0.4}])

    assert votes.strongest(("female vocalists",)) == 0.2
    assert votes.strongest(("electric guitar",)) == 0.3
    assert votes.strongest(("hip hop",)) == 0.4
    assert votes.strongest(("theremin",)) is None


def test_tag_votes_ignore_what_is_no_probability() -> None:
    votes = TagVotes([{"vocals": float("nan"), "rock": 1.5, "jazz": -0.1}])

    assert votes.strongest(("vocals", "rock", "jazz")) is None
