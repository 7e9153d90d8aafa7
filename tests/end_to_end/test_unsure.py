"""What is no music, or too little of it, is labelled, but nobody should act on the label."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float64]
RATE_HZ = 16_000
WITHIN_S = 240.0  # seven short sounds, on a machine that is busy with other things
# First three formants in Hz, Peterson & Barney, JASA 24 (1952), table II, men; rounded.
VOWELS = (
    (270, 2290, 3010),
    (530, 1840, 2480),
    (730, 1090, 2440),
    (570, 840, 2410),
    (300, 870, 2240),
    (490, 1350, 1690),
)


def noise(seconds: float) -> Samples:
    return np.random.default_rng(1).standard_normal(int(seconds * RATE_HZ))


def hum(seconds: float) -> Samples:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.asarray(sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5)))


def pink(seconds: float) -> Samples:
    spectrum = np.fft.rfft(noise(seconds))
    return np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1))


def speech(seconds: float) -> Samples:
    """A voice that reads: syllables of a consonant and a vowel, words, sentences with falling pitch, breaths.

    Source and filter: pulses at the pitch, or noise, through resonators at the formants.
    """
    rng = np.random.default_rng(7)
    parts: list[Samples] = []
    while sum(map(len, parts)) < seconds * RATE_HZ:
        n_syllables = int(rng.integers(5, 12))
        for i in range(n_syllables):
            pitch_hz = 130 - 35 * i / n_syllables + rng.normal(0, 6)
            consonant = scipy.signal.lfilter(
                [1, -0.95], [1], rng.standard_normal(int(rng.uniform(0.03, 0.09) * RATE_HZ))
            )
            n = int(rng.uniform(0.09, 0.2) * RATE_HZ)
            phase = np.cumsum(pitch_hz * (1 + 0.1 * np.linspace(0, -1, n)) / RATE_HZ)
            vowel = np.diff(np.floor(phase), prepend=0.0)
            for formant_hz in VOWELS[rng.integers(len(VOWELS))]:
                radius = np.exp(-np.pi * 90 / RATE_HZ)
                poles = [1, -2 * radius * np.cos(2 * np.pi * formant_hz / RATE_HZ), radius**2]
                vowel = scipy.signal.lfilter([1 - radius], poles, vowel)
            vowel *= np.hanning(n) / np.abs(vowel).max()
            parts += [0.08 * consonant * np.hanning(len(consonant)), vowel]
            if rng.random() < 0.4:  # the end of a word
                parts.append(np.zeros(int(rng.uniform(0.03, 0.1) * RATE_HZ)))
        parts.append(np.zeros(int(rng.uniform(0.4, 0.8) * RATE_HZ)))
    return np.concatenate(parts)[: int(seconds * RATE_HZ)]


@pytest.fixture(scope="module")
def sounds_folder(write_tune: Any, music: Path) -> Path:
    """A file of each sound."""
    folder = music / "unsure"
    folder.mkdir()
    sounds = {
        "silence": np.zeros(10 * RATE_HZ),
        "whisper of noise": 1e-5 * noise(10),
        "noise": 0.3 * noise(10),
        "pink noise": 20 * pink(10),
        "hum": 0.3 * hum(10),
        "speech": 0.5 * speech(20),
    }
    for name, samples in sounds.items():
        soundfile.write(folder / f"{name}.flac", samples.clip(-1, 1).astype(np.float32), RATE_HZ)
    write_tune("unsure/one second of a tune.flac", seed=3, seconds=1.0)
    return folder


@pytest.fixture(scope="module", params=[True, False], ids=["features on", "features off"])
def labels(request: pytest.FixtureRequest, sounds_folder: Path) -> dict[str, Any]:
    """Of each sound, by name."""
    command = [sys.executable, "-m", "workers.cli.main", "label", "--json", str(sounds_folder)]
    settings = {"NEEDLEDROP_FEATURES_ENABLED": json.dumps(request.param)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=WITHIN_S, check=True, env={**os.environ, **settings}
    )
    return {Path(fields["path"]).stem: fields for fields in map(json.loads, done.stdout.splitlines())}


@pytest.mark.timeout(2 * WITHIN_S)
@pytest.mark.parametrize(
    "name", ["silence", "whisper of noise", "noise", "pink noise", "hum", "speech", "one second of a tune"]
)
def test_sound_that_says_nothing_of_a_genre_is_unsure(labels: dict[str, Any], name: str) -> None:
    assert labels[name]["unsure"] is True
    assert labels[name]["genres"], "the probabilities are given all the same"
