"""The twelve features of files: that they do not depend on the coding, stay in range, can be shown and calibrated."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
import soundfile

from benchmarks.stability import write_mp3
from schemas.errors import TrackError
from schemas.events import AudioFeatures, TrackLabeled
from shared.features import DEFINITIONS, FEATURE_VERSION
from workers.cli.in_process import labels_of
from workers.cli.tracks import media_roots, tracks_of

RATE_HZ = 44_100
WITHIN_S = 240.0
CLIPS = os.environ.get("NEEDLEDROP_TEST_CLIPS")
UNIT = [one.name for one in DEFINITIONS if (one.low, one.high) == (0.0, 1.0)]
SIX = ("danceability", "energy", "key", "mode", "valence", "tempo")  # that Music4All has

Stereo = npt.NDArray[np.float32]


def a_song(*, bpm: float, tonic: int, is_major: bool, seconds: float = 30.0) -> Stereo:
    """Four chords, a bar each, with bass, backbeat and hats, a little wider than mono; shape (n_frames, 2)."""
    rng = np.random.default_rng(tonic)
    third = 4 if is_major else 3
    roots = (0, 5, 7, 0)
    n, beat_s = round(seconds * RATE_HZ), 60.0 / bpm
    song = np.zeros((n + 2 * RATE_HZ, 2), np.float64)

    def add(sound: npt.NDArray[np.float64], start_s: float, left: float, right: float) -> None:
        start = round(start_s * RATE_HZ)
        if start < n:
            song[start : start + sound.size] += sound[:, None] * (left, right)

    def tone(pitch: int, duration_s: float) -> npt.NDArray[np.float64]:
        t = np.arange(round(min(duration_s, 1.9) * RATE_HZ)) / RATE_HZ
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        waves = [np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 7)]
        return np.asarray(np.sum(waves, axis=0) * np.exp(-1.5 * t) * np.minimum(1.0, (t[-1] - t) / 0.02))

    t = np.arange(RATE_HZ // 5) / RATE_HZ
    kick = np.sin(2 * np.pi * 55 * t) * np.exp(-18 * t)
    snare = rng.standard_normal(t.size) * np.exp(-25 * t)
    hat = np.sin(2 * np.pi * 7_000 * t) * rng.standard_normal(t.size) * np.exp(-90 * t)
    for beat in range(math.ceil(seconds / beat_s)):
        at_s, root = beat * beat_s, roots[beat // 4 % 4]
        if beat % 4 == 0:
            # Subdominant and dominant with thirds of the scale; a minor key's dominant is major, as everywhere.
            above = third if root != 7 else 4
            for i, step in enumerate((root, root + above, root + 7)):
                add(0.10 * tone(60 + tonic + step, 4 * beat_s), at_s, 1.0 - 0.2 * i, 0.6 + 0.2 * i)
        add(0.2 * tone(36 + tonic + root, beat_s), at_s, 1.0, 1.0)
        add(0.6 * kick if beat % 2 == 0 else 0.25 * snare, at_s, 1.0, 1.0)
        add(0.08 * hat, at_s, 0.7, 1.0)
        add(0.05 * hat, at_s + beat_s / 2, 0.7, 1.0)
    # Below 14 kHz: what is above, encoders leave out, and a meter would notice.
    heard = scipy.signal.sosfiltfilt(scipy.signal.butter(8, 14_000, fs=RATE_HZ, output="sos"), song[:n], axis=0)
    return np.asarray(0.6 * heard / np.abs(heard).max(), np.float32)


def features_of(paths: list[Path]) -> dict[str, AudioFeatures]:
    """By name of the file."""
    names = [str(path) for path in paths]
    found = dict[str, AudioFeatures]()
    with labels_of(tracks_of(names), media_roots(names), None) as labels:
        for outcome in labels.outcomes:
            assert not isinstance(outcome.labeled, TrackError), outcome.labeled
            found[Path(outcome.track.track_id).name] = outcome.labeled.result.features
    return found


MADE = [pytest.param(104.0, 2, True, id="D major, 104"), pytest.param(126.0, 9, False, id="A minor, 126")]


@pytest.mark.parametrize(("bpm", "tonic", "is_major"), MADE)
def test_features_of_a_song_do_not_depend_on_its_coding(bpm: float, tonic: int, is_major: bool, tmp_path: Path) -> None:
    song = a_song(bpm=bpm, tonic=tonic, is_major=is_major)
    soundfile.write(tmp_path / "song.wav", song, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "song.flac", song, RATE_HZ)
    write_mp3(tmp_path / "song.mp3", song, RATE_HZ)

    found = features_of(list(tmp_path.iterdir()))

    wav, flac, mp3 = (found[name] for name in ("song.wav", "song.flac", "song.mp3"))
    assert (wav.key, wav.mode, wav.time_signature) == (tonic, int(is_major), 4)
    assert wav.tempo == pytest.approx(bpm, rel=0.01)
    for other in (flac, mp3):
        same_beat_and_key(wav, other)
        for field in UNIT:
            assert getattr(other, field) == pytest.approx(getattr(wav, field), abs=0.05), field
    assert gain_between(wav, flac) == pytest.approx(0.0, abs=0.01)
    assert gain_between(wav, mp3) == pytest.approx(20.0 * math.log10(0.95), abs=0.1)  # LAME's scale at this rate


@pytest.mark.parametrize("gain_db", [-3.0, 3.0])
def test_features_of_a_song_do_not_depend_on_gain(gain_db: float, tmp_path: Path) -> None:
    song = a_song(bpm=126.0, tonic=9, is_major=False)
    soundfile.write(tmp_path / "plain.wav", song, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "changed.wav", song * 10 ** (gain_db / 20), RATE_HZ, subtype="FLOAT")

    found = features_of([tmp_path / "plain.wav", tmp_path / "changed.wav"])

    stays_when_louder(found["plain.wav"], found["changed.wav"], gain_db)


@pytest.mark.clips
@pytest.mark.skipif(not CLIPS, reason="NEEDLEDROP_TEST_CLIPS names no folder of music")
def test_features_of_real_music_do_not_depend_on_gain(tmp_path: Path) -> None:
    clips = sorted(Path(CLIPS or "").glob("*.ogg"))[::6]
    for clip in clips:
        sound, rate_hz = soundfile.read(clip, dtype="float32")
        soundfile.write(tmp_path / f"{clip.stem}.plain.wav", sound, rate_hz, subtype="FLOAT")
        soundfile.write(tmp_path / f"{clip.stem}.changed.wav", sound * 10 ** (3.0 / 20), rate_hz, subtype="FLOAT")

    found = features_of(sorted(tmp_path.iterdir()))

    assert len(found) == 2 * len(clips) > 5
    for clip in clips:
        stays_when_louder(found[f"{clip.stem}.plain.wav"], found[f"{clip.stem}.changed.wav"], 3.0)


def stays_when_louder(plain: AudioFeatures, changed: AudioFeatures, gain_db: float) -> None:
    same_beat_and_key(plain, changed)
    assert gain_between(plain, changed) == pytest.approx(gain_db, abs=0.01)
    for field in UNIT:
        assert getattr(changed, field) == pytest.approx(getattr(plain, field), abs=0.05), field


def same_beat_and_key(one: AudioFeatures, other: AudioFeatures) -> None:
    assert (other.key, other.mode, other.time_signature) == (one.key, one.mode, one.time_signature)
    assert other.tempo == pytest.approx(one.tempo, rel=0.01)


def gain_between(one: AudioFeatures, other: AudioFeatures) -> float:
    assert one.loudness is not None
    assert other.loudness is not None
    return other.loudness - one.loudness


@pytest.mark.clips
@pytest.mark.skipif(not CLIPS, reason="NEEDLEDROP_TEST_CLIPS names no folder of music")
def test_features_of_real_music_are_all_there_and_within_their_ranges() -> None:
    clips = sorted(Path(CLIPS or "").glob("*.ogg"))

    found = features_of(clips)

    assert len(found) == len(clips) > 5
    for name, features in found.items():
        for one in DEFINITIONS:
            value = getattr(features, one.name)
            assert value is not None, (name, one.name)
            assert math.isfinite(value), (name, one.name)
            assert one.low is None or value >= one.low, (name, one.name, value)
            assert one.high is None or value <= one.high, (name, one.name, value)
            assert 0.0 <= (features.confidence or {})[one.name] <= 1.0, (name, one.name)


def needledrop(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    foreign = ("NEEDLEDROP_", "KAFKA_")
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) or name == "NEEDLEDROP_MODELS_FOLDER"
    }
    return subprocess.run(
        [sys.executable, "-m", "workers.cli.main", *map(str, arguments)],
        env={**ours, **settings}, capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip


def test_features_show_prints_spotify_s_fields_and_draws_a_picture(tmp_path: Path) -> None:
    song, picture = tmp_path / "song.flac", tmp_path / "song.png"
    soundfile.write(song, a_song(bpm=126.0, tonic=9, is_major=False, seconds=12.0), RATE_HZ)

    done = needledrop("features", "show", song, "--plot", picture)

    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert [*shown] == [one.name for one in DEFINITIONS] + ["confidence", "tempo_alternative"]
    assert (shown["key"], shown["mode"], shown["duration_ms"]) == (9, 0, 12_000)
    assert shown["confidence"].keys() == {one.name for one in DEFINITIONS}
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 50_000  # an empty canvas of that size has some 10 kB


def test_features_show_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    noise = tmp_path / "noise.mp3"
    noise.write_text("not music\n" * 100)

    undecodable, missing = needledrop("features", "show", noise), needledrop("features", "show", tmp_path / "no.mp3")

    assert (undecodable.returncode, undecodable.stdout) == (1, "")
    assert "undecodable_audio" in undecodable.stderr
    assert missing.returncode != 0
    assert "no such file" in missing.stderr


@pytest.fixture(scope="module")
def music4all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen clips in Music4All's format, with one undecodable, one without a row, and two rows of no use."""
    folder = tmp_path_factory.mktemp("music4all")
    (folder / "audios").mkdir()
    rng = np.random.default_rng(5)
    columns = ("id", "spotify_id", "popularity", "release", *SIX, "duration_ms")
    rows = ["\t".join(columns)]
    for index in range(14):
        clip_id, bpm, tonic, is_major = f"clip{index:012d}", 80.0 + 5 * index, index % 12, index % 2 == 0
        song = a_song(bpm=bpm, tonic=tonic, is_major=is_major, seconds=8.0)
        write_mp3(folder / "audios" / f"{clip_id}.mp3", song, RATE_HZ)
        shares = [f"{share:.3f}" for share in 0.1 * rng.random(3)]  # far from ours, so that maps help
        rows.append("\t".join(
            [clip_id, "x", "4.0", "2008", *shares[:2], str(tonic), str(int(is_major)), shares[2], str(bpm), "30000"]
        ))  # fmt: skip
    (folder / "audios" / "clip000000000003.mp3").write_text("not music\n" * 100)
    rows[5] = rows[5].replace("\t2008\t", "\t2008\tloud\t")  # a column too many: mode is a share
    rows.append("withoutaudio0000\tx\t4.0\t2008\t.1\t.1\t0\t1\t.1\t100\t30000")
    (folder / "id_metadata.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def calibrated(music4all: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A calibration, and what the command said of it."""
    path = tmp_path_factory.mktemp("calibration") / "calibration.json"
    done = needledrop("features", "calibrate", music4all, "--output", path)
    assert done.returncode == 0, done.stderr
    return path, json.loads(done.stdout)


def test_features_calibrate_counts_what_it_left_out(calibrated: tuple[Path, dict[str, Any]]) -> None:
    _, said = calibrated

    counts = {name: said[name] for name in ("pairs", "undecodable", "rows_of_no_use", "rows_without_audio")}
    assert counts == {"pairs": 12, "undecodable": 1, "rows_of_no_use": 1, "rows_without_audio": 1}
    assert said["audio_without_row"] == 1
    assert said["agreement"].keys() == {"tempo", "tempo_or_multiple", "key_weighted", "key_and_mode", "mode"}
    assert said["agreement"]["key_and_mode"] > 0.8  # of songs made by formula
    for name in ("danceability", "energy", "valence"):
        assert said["features"][name]["error_after_cross_validated"] < said["features"][name]["error_before"], name


def test_features_calibrate_refuses_a_folder_of_something_else(tmp_path: Path) -> None:
    done = needledrop("features", "calibrate", tmp_path)

    assert done.returncode != 0
    assert "id_metadata.csv" in done.stderr


def test_calibration_of_the_settings_changes_what_is_shown(
    calibrated: tuple[Path, dict[str, Any]], music4all: Path
) -> None:
    path, said = calibrated
    song = music4all / "audios" / "clip000000000000.mp3"

    plain, mapped = needledrop("label", song, "--json"), needledrop(
        "label", song, "--json", NEEDLEDROP_FEATURES_CALIBRATION=str(path)
    )  # fmt: skip

    before, after = (json.loads(done.stdout) for done in (plain, mapped))
    assert (before["versions"]["features"], after["versions"]["features"]) == (FEATURE_VERSION, said["version"])
    assert before["features"]["energy"] > 0.15 > 0.1 >= after["features"]["energy"]
    assert all(before["features"][name] == after["features"][name] for name in ("key", "tempo", "acousticness"))


def test_calibrated_results_are_found_again_by_their_own_version(
    own_pipeline: Callable[..., AbstractContextManager[Any]], calibrated: tuple[Path, dict[str, Any]], write_tune: Any
) -> None:
    path, said = calibrated
    tune = write_tune("calibrated.ogg", seed=500)

    with own_pipeline(NEEDLEDROP_FEATURES_CALIBRATION=str(path)) as pipeline:
        labels = []
        for track_id in ("calibrated/first", "calibrated/second"):
            [event] = pipeline.outcomes(pipeline.submit((track_id, tune.as_uri())), within_s=60.0).values()
            assert isinstance(event, TrackLabeled), event
            labels.append(event)

    assert [label.versions.features for label in labels] == [said["version"]] * 2
    assert [label.from_cache for label in labels] == [False, True]
    assert labels[0].features == labels[1].features
