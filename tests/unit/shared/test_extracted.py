from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from schemas.errors import InvalidFeaturesError
from schemas.events import Analysed, Audio, AudioFeatures, Submission, Timings, TrackFeatures
from schemas.origin import Coordinates
from schemas.tensors import decode_features, encode_features
from shared.extracted import Extracted, extracted_from
from shared.front_end.patches import Segments
from shared.front_end.spec import MUSICNN_96, FrontEnd

OTHER = FrontEnd(name="other_64", n_bands=64, transport="float32")
FRONT_ENDS = {front_end.name: front_end for front_end in (MUSICNN_96, OTHER)}


def segments_of(front_end: FrontEnd) -> Segments:
    power = np.random.default_rng(1).random((10, front_end.n_bands)).astype(front_end.transport)
    return Segments(front_end=front_end, power=power, start_frames=(0, 20), n_frames=(6, 4), track_frames=24)


EXTRACTED = Extracted(
    audio=Audio(
        content_hash="0" * 64, size_bytes=9, container="ogg/vorbis", sample_rate_hz=44_100, n_channels=2, duration_s=0.4
    ),
    analysed=Analysed(
        policy="full", decoded_s=0.4, cut=False, excerpt_start_s=0.0, excerpt_duration_s=0.4, n_patches=1
    ),
    features=AudioFeatures(loudness=-14.5, duration_ms=400),
    features_version="1",
    signal={"flatness": 0.25},
    segments={name: segments_of(front_end) for name, front_end in FRONT_ENDS.items()},
)
BARE = TrackFeatures(
    track_id="track-1",
    submission=Submission(
        submission_id="s",
        submitted_at=datetime(2026, 1, 2, tzinfo=UTC),
        uri="file:///a.ogg",
        coordinates=Coordinates(topic="t", partition=0, offset=1),
    ),
    policy="full",
    timings=Timings(),
)
EVENT = BARE.model_copy(update=EXTRACTED.event_fields())


def test_what_was_extracted_is_the_same_after_a_trip_through_kafka() -> None:
    event, tensors = decode_features(encode_features(EVENT, EXTRACTED.tensors))

    found = extracted_from(event, tensors, FRONT_ENDS)

    assert event == EVENT
    for field in ("audio", "analysed", "features", "features_version", "signal"):
        assert getattr(found, field) == getattr(EXTRACTED, field)
    assert found.segments.keys() == EXTRACTED.segments.keys()
    for name, segments in found.segments.items():
        sent = EXTRACTED.segments[name]
        assert segments.power.dtype == sent.power.dtype
        np.testing.assert_array_equal(segments.power, sent.power)
        assert (segments.start_frames, segments.n_frames, segments.track_frames) == ((0, 20), (6, 4), 24)


def test_a_front_end_that_the_reader_does_not_know_is_left_out() -> None:
    found = extracted_from(EVENT, EXTRACTED.tensors, {"musicnn_96": MUSICNN_96})

    assert found.segments.keys() == {"musicnn_96"}


@pytest.mark.parametrize("missing", ["audio", "analysed", "features", "features_version"])
def test_half_an_analysis_is_refused(missing: str) -> None:
    with pytest.raises(InvalidFeaturesError, match="neither an earlier result nor a whole analysis"):
        extracted_from(EVENT.model_copy(update={missing: None}), EXTRACTED.tensors, FRONT_ENDS)


@pytest.mark.parametrize(
    "tensor",
    [np.zeros((10, 95), np.float16), np.zeros((10, 96), np.float32), np.zeros((9, 96), np.float16)],
    ids=["bands", "dtype", "frames"],
)
def test_a_tensor_that_does_not_fit_its_front_end_is_refused(tensor: Any) -> None:
    with pytest.raises(InvalidFeaturesError, match="musicnn_96"):
        extracted_from(EVENT, EXTRACTED.tensors | {"musicnn_96": tensor}, FRONT_ENDS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_power_that_no_sound_has_is_refused_before_a_network_hears_it(front_end: str, value: float) -> None:
    tensors = {name: tensor.copy() for name, tensor in EXTRACTED.tensors.items()}
    tensors[front_end][3, 5] = value

    with pytest.raises(InvalidFeaturesError, match=f"{front_end}: mel power has values"):
        extracted_from(EVENT, tensors, FRONT_ENDS)
