import dataclasses
import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.errors import InvalidSettingError
from shared.features import Presence, SignalFeatures
from shared.front_end.patches import PATCH_FRAMES, segments_of
from shared.front_end.spec import MUSICNN_96, FrontEnd
from shared.settings.media import MediaSettings
from workers.extractor.analysis import Analysis, AnalysisTask, analyse
from workers.extractor.decoding import DecodingLimits, decoded

LIMITS = DecodingLimits.from_settings(MediaSettings())
CLIPS = os.environ.get("NEEDLEDROP_TEST_CLIPS")


def a_task(*, all_patches: bool = False) -> AnalysisTask:
    return AnalysisTask(limits=LIMITS, patch_frames={MUSICNN_96: PATCH_FRAMES}, all_patches=all_patches)


def noise_analysed(task: AnalysisTask, duration_s: float) -> Analysis:
    rng = np.random.default_rng(2)
    with tempfile.TemporaryFile() as file:
        soundfile.write(file, rng.standard_normal((round(duration_s * 22_050), 2)) * 0.1, 22_050, format="FLAC")
        file.flush()
        return analyse(task, file)


def test_analyse_says_what_was_decoded_and_gives_the_segments_of_it() -> None:
    found = noise_analysed(a_task(), 40.0)

    assert (found.container, found.codec, found.sample_rate_hz, found.n_channels) == ("flac", "pcm_16", 22_050, 2)
    assert (found.duration_s, found.cut) == (40.0, False)
    assert (found.excerpt_start_s, found.excerpt_duration_s) == (5.0, 30.0)
    segments = found.segments["musicnn_96"]
    assert sum(segments.n_frames) == 10 * PATCH_FRAMES
    assert segments.track_frames == 2_501


def test_all_patches_are_consecutive_from_the_start() -> None:
    segments = noise_analysed(a_task(all_patches=True), 40.0).segments["musicnn_96"]

    assert (segments.start_frames, segments.n_frames) == ((0,), (13 * PATCH_FRAMES,))


def test_where_features_are_not_wanted_the_networks_hear_the_same_and_only_the_presence_is_measured() -> None:
    wanted = noise_analysed(a_task(), 4.0)
    unwanted = noise_analysed(dataclasses.replace(a_task(), features=False), 4.0)

    assert isinstance(wanted.signal, SignalFeatures)
    assert wanted.loudness_lufs is not None
    assert isinstance(unwanted.signal, Presence)
    assert unwanted.signal.level_db == pytest.approx(-24.6, abs=0.5)
    assert unwanted.signal.spoken == 0.0
    assert unwanted.loudness_lufs is None
    np.testing.assert_array_equal(unwanted.segments["musicnn_96"].power, wanted.segments["musicnn_96"].power)


def test_task_and_analysis_survive_the_way_to_another_process_and_back() -> None:
    task = pickle.loads(pickle.dumps(a_task()))
    found = noise_analysed(task, 3.5)
    back = pickle.loads(pickle.dumps(found))

    assert task == a_task()
    np.testing.assert_array_equal(back.segments["musicnn_96"].power, found.segments["musicnn_96"].power)
    assert back.loudness_lufs == found.loudness_lufs


def test_a_front_end_at_another_sample_rate_is_refused_at_start() -> None:
    with pytest.raises(InvalidSettingError, match=r"wide.*22050"):
        AnalysisTask(limits=LIMITS, patch_frames={FrontEnd(name="wide", sample_rate_hz=22_050): 187})


@pytest.mark.clips
@pytest.mark.skipif(not CLIPS, reason="NEEDLEDROP_TEST_CLIPS names no folder of clips")
def test_analyse_of_a_clip_is_the_front_end_of_its_decoded_samples() -> None:
    clip = min(Path(CLIPS or "").glob("*.ogg"))
    with clip.open("rb") as file:
        found = analyse(a_task(), file)
        samples = decoded(file, LIMITS).samples

    assert found.loudness_lufs is not None
    assert -30.0 < found.loudness_lufs < -5.0
    np.testing.assert_array_equal(found.segments["musicnn_96"].power, segments_of(samples, MUSICNN_96).power)
