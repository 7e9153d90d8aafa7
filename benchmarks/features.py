"""Audio features beside others': accuracy on rendered music with known answers, and milliseconds a clip on one core.

    NEEDLEDROP_TEST_RHYTHM=folder python benchmarks/features.py

The folder holds clips and ``manifest.tsv`` (file, tempo_bpm, key, mode, time_signature, ...). librosa runs here;
Essentia too, when it is installed, else its rows are what was measured on the same clips elsewhere. All accuracies of
our tempo are of the shipped template; ``tempo_template.py`` cross-validates it.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # one core

import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import librosa
import mir_eval
import numpy as np
from tempo_template import accuracies, rhythm_clips

from shared.features import complete
from workers.extractor.signal_features import SAMPLE_RATE_HZ, signal_features
from workers.extractor.signal_features.frames import Samples

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Measured on the same 60 clips, on another machine: for who has no Essentia (AGPL) at hand.
ELSEWHERE = (
    "Essentia RhythmExtractor2013 multifeature  .850  .950  310",
    "Essentia RhythmExtractor2013 degara        .867  .950   77",
    "Essentia PercivalBpmEstimator              .850  .967  100",
    "Essentia KeyExtractor krumhansl            .952  .917   14   (key: weighted, exact, ms)",
)
N_TIMES = 3  # each timing is the fastest of so many

Answer = tuple[float, str, int, int]  # tempo, key, mode, meter


def timed(call: Callable[[], object]) -> float:
    """Return processor milliseconds, fastest of N_TIMES."""
    spans = []
    for _ in range(N_TIMES):
        began = time.process_time()
        call()
        spans.append(time.process_time() - began)
    return min(spans) * 1e3


def key_name(key: int, mode: int) -> str:
    """Return the name that mir_eval knows."""
    return f"{NAMES[key]} {'major' if mode else 'minor'}" if key >= 0 else "X"


def librosa_chroma_key(samples: Samples) -> str:
    """Return the key by librosa's chroma_cens and the Albrecht-Shanahan profiles, in ten lines."""
    major = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
    minor = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
    chroma = librosa.feature.chroma_cens(y=samples, sr=SAMPLE_RATE_HZ).mean(axis=1)
    scores = {
        (tonic, mode): np.corrcoef(chroma, np.roll(profile, tonic))[0, 1]
        for mode, profile in ((1, major), (0, minor))
        for tonic in range(12)
    }
    return key_name(*max(scores, key=scores.__getitem__))


def main() -> None:
    """Print the table."""
    clips = list(rhythm_clips(Path(os.environ["NEEDLEDROP_TEST_RHYTHM"])))
    rows = [row for row, _ in clips]
    truths_bpm = np.array([float(row["tempo_bpm"]) for row in rows])
    tempos: dict[str, Callable[[Samples], float]] = {
        "librosa.beat.beat_track": lambda y: float(np.ravel(librosa.beat.beat_track(y=y, sr=SAMPLE_RATE_HZ)[0])[0]),
        "librosa.feature.tempo": lambda y: float(librosa.feature.tempo(y=y, sr=SAMPLE_RATE_HZ)[0]),
        **essentia_tempos(),
    }
    print(f"{'tempo (4 %)':44s} Acc1  Acc2    ms")
    for name, estimator in tempos.items():
        print_tempo(name, np.array([estimator(y) for _, y in clips]), truths_bpm, clips, estimator)
    ours = [signal_features(y, float(row["loudness_lufs"])) for row, y in clips]
    print_tempo("needledrop (all features)", np.array([one.tempo for one in ours]), truths_bpm, clips, everything)
    print(f"\n{'key (mir_eval)':44s} weighted exact   ms")
    print_keys("librosa chroma_cens + Albrecht-Shanahan", [librosa_chroma_key(y) for _, y in clips], rows)
    print_keys("needledrop", [key_name(one.key, one.mode) for one in ours], rows)
    print("\nmeasured elsewhere:", *ELSEWHERE, sep="\n  ")
    modes = np.mean([one.mode == int(row["mode"]) for one, row in zip(ours, rows, strict=True)])
    meters = [one.time_signature == int(row["time_signature"]) for one, row in zip(ours, rows, strict=True)]
    always_four = np.mean([row["time_signature"] == "4" for row in rows])
    print(f"\nmode {modes:.3f}; meter {np.mean(meters):.3f} (always 4/4: {always_four:.3f})")
    print(f"first call in a process: {FIRST_CALL_MS:.0f} ms")


def everything(samples: Samples) -> object:
    """All twelve features, with a few tags."""
    return complete(signal_features(samples, -12.0), {"vocals": 0.2, "no vocals": 0.1, "rock": 0.4, "acoustic": 0.1})


def essentia_tempos() -> Mapping[str, Callable[[Samples], float]]:
    """Return Essentia's estimators when it is importable."""
    if importlib.util.find_spec("essentia") is None:
        return {}
    import essentia.standard as es  # type: ignore[import-not-found]  # not a dependency: AGPL

    def at_44100(samples: Samples) -> Samples:
        return librosa.resample(samples, orig_sr=SAMPLE_RATE_HZ, target_sr=44_100)

    return {
        "Essentia RhythmExtractor2013 multifeature": lambda y: float(
            es.RhythmExtractor2013(method="multifeature")(at_44100(y))[0]
        ),
        "Essentia RhythmExtractor2013 degara": lambda y: float(es.RhythmExtractor2013(method="degara")(at_44100(y))[0]),
    }


def print_tempo(
    name: str,
    estimates: np.ndarray[tuple[int], np.dtype[np.float64]],
    truths_bpm: np.ndarray[tuple[int], np.dtype[np.float64]],
    clips: list[tuple[dict[str, str], Samples]],
    call: Callable[[Samples], object],
) -> None:
    """Print one row: accuracies, and the median milliseconds over some clips."""
    first, second = accuracies(estimates, truths_bpm)
    milliseconds = statistics.median(timed(lambda y=y: call(y)) for _, y in clips[::6])  # type: ignore[misc]  # bound now
    print(f"{name:44s} {first:.3f} {second:.3f} {milliseconds:5.0f}")


def print_keys(name: str, estimates: list[str], rows: list[dict[str, str]]) -> None:
    """Print one row: mir_eval's weighted score, and the share of exact answers."""
    truths = [key_name(int(row["key"]), int(row["mode"])) for row in rows]
    scores = [mir_eval.key.weighted_score(*pair) for pair in zip(truths, estimates, strict=True)]
    print(f"{name:44s} {np.mean(scores):.3f}  {np.mean([score == 1.0 for score in scores]):.3f}")


def _first_call_ms() -> float:
    noise = np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE_HZ).astype(np.float32)
    began = time.process_time()
    everything(noise)
    return (time.process_time() - began) * 1e3


FIRST_CALL_MS = _first_call_ms()

if __name__ == "__main__":
    main()
