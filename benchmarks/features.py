"""Audio features beside others': accuracy on rendered music with known answers, milliseconds on one core, memory.

    NEEDLEDROP_TEST_RHYTHM=folder python -m benchmarks.features

The folder holds clips and ``manifest.tsv`` (file, tempo_bpm, key, mode, time_signature, ...). librosa runs here;
Essentia too, when it is installed (``pip install essentia``, AGPL, so never a dependency), and what both scored on the
same clips on another machine is printed beside. Our tempo is that of the shipped template, which is fitted to these
clips among others; ``tempo_template.py`` cross-validates it. On a busy machine only the ratios of milliseconds say
something; each is the fastest of several runs, in processor time.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))  # one core

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import librosa
import mir_eval
import numpy as np
import soundfile

from benchmarks.tempo_template import accuracies, rhythm_clips
from shared.features import complete
from workers.extractor.signal_features import SAMPLE_RATE_HZ, signal_features
from workers.extractor.signal_features.frames import Samples, centred, low_rate
from workers.extractor.signal_features.key import key

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Measured on the same 60 clips, on another machine: Accuracy1, Accuracy2, ms; for keys weighted, exact, ms.
ELSEWHERE = (
    "librosa.beat.beat_track                     .700  .900   28",
    "librosa.feature.tempo                       .783  .883   27",
    "Essentia RhythmExtractor2013 multifeature   .850  .950  310",
    "Essentia RhythmExtractor2013 degara         .867  .950   77",
    "Essentia PercivalBpmEstimator               .850  .967  100",
    "key: librosa chroma_cens + Albrecht-Shanahan  .92   .89  120",
    "key: Essentia KeyExtractor krumhansl         .952  .917   14",
    "key: Essentia KeyExtractor edma / bgate      .918 / .915  .883 / .867  14",
)
SOME_TAGS = [{"vocals": 0.2, "no vocals": 0.1, "rock": 0.4, "acoustic": 0.1}] * 4  # of so many members
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
    keys = {"librosa chroma_cens + Albrecht-Shanahan": librosa_chroma_key, **essentia_keys()}
    for name, key_estimator in keys.items():
        print_keys(name, key_estimator, clips)
    print_keys("needledrop (key alone)", needledrop_key, clips)
    everyone: dict[str, Callable[[Samples], object]] = {
        "needledrop, twelve features": everything,
        "librosa: tempo, chroma, mfcc, onsets, spectra": plain_librosa,
        **essentia_music_extractor(),
    }
    print(f"\n{'all features':44s}              ms  ratio")
    spans = {name: median_ms(call, clips) for name, call in everyone.items()}
    for name, span in spans.items():
        print(f"{name:45s}          {span:5.0f} {span / next(iter(spans.values())):5.1f}")
    print("\nmeasured elsewhere:", *ELSEWHERE, sep="\n  ")
    modes = np.mean([one.mode == int(row["mode"]) for one, row in zip(ours, rows, strict=True)])
    meters = [one.time_signature == int(row["time_signature"]) for one, row in zip(ours, rows, strict=True)]
    always_four = np.mean([row["time_signature"] == "4" for row in rows])
    print(f"\nmode {modes:.3f}; meter {np.mean(meters):.3f} (always 4/4: {always_four:.3f})")
    errors_lu = [loudness_error_lu(row) for row in rows]
    print(f"loudness: largest error {max(errors_lu):.3f} LU, by the manifest's two decimals")
    print(f"first call in a process: {FIRST_CALL_MS:.0f} ms")
    before, after = (int(line) for line in fresh_process("memory").splitlines())
    print(f"memory of a process: {before:.0f} MB with the libraries, {after:.0f} MB at most during a clip of 30 s")


def everything(samples: Samples) -> object:
    """All twelve features, with a few tags."""
    return complete(signal_features(samples, -12.0), SOME_TAGS)


def loudness_error_lu(row: dict[str, str]) -> float:
    """Return how far our loudness of a whole file is from the manifest's."""
    from shared.settings.media import MediaSettings  # here, as decoders are no part of the memory measured below
    from workers.extractor.decoding import DecodingLimits, decoded

    with (Path(os.environ["NEEDLEDROP_TEST_RHYTHM"]) / row["file"]).open("rb") as file:
        lufs = decoded(file, DecodingLimits.from_settings(MediaSettings())).loudness_lufs
    return abs((lufs if lufs is not None else float("-inf")) - float(row["loudness_lufs"]))


def needledrop_key(samples: Samples) -> str:
    """Return our key, computed alone."""
    found = key(low_rate(centred(samples)))
    return key_name(found.key, found.mode)


def plain_librosa(samples: Samples) -> object:
    """What a notebook with librosa computes: a tempo, and curves of which features could be made."""
    spectra = np.abs(librosa.stft(samples))
    return (
        librosa.feature.tempo(y=samples, sr=SAMPLE_RATE_HZ),
        librosa.feature.chroma_cens(y=samples, sr=SAMPLE_RATE_HZ),
        librosa.feature.mfcc(y=samples, sr=SAMPLE_RATE_HZ),
        librosa.onset.onset_strength(y=samples, sr=SAMPLE_RATE_HZ),
        librosa.feature.rms(S=spectra),
        librosa.feature.spectral_centroid(S=spectra, sr=SAMPLE_RATE_HZ),
        librosa.feature.spectral_flatness(S=spectra),
        librosa.feature.zero_crossing_rate(samples),
    )


def has_essentia() -> bool:
    """Return whether Essentia can be imported; silences it then."""
    if importlib.util.find_spec("essentia") is None:
        return False
    import essentia  # type: ignore[import-not-found]  # not a dependency: AGPL

    essentia.log.infoActive = essentia.log.warningActive = False
    return True


def essentia_music_extractor() -> dict[str, Callable[[Samples], object]]:
    """Return Essentia's extractor of everything when it is importable: it reads files, so writing one is included."""
    if not has_essentia():
        return {}
    import essentia.standard as es  # type: ignore[import-not-found]  # not a dependency: AGPL

    def extracted(samples: Samples) -> object:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            soundfile.write(file.name, samples, SAMPLE_RATE_HZ)
            return es.MusicExtractor()(file.name)

    return {"Essentia MusicExtractor": extracted}


def essentia_keys() -> dict[str, Callable[[Samples], str]]:
    """Return Essentia's estimators of keys when it is importable."""
    if not has_essentia():
        return {}
    import essentia.standard as es  # not a dependency: AGPL

    def of(profile: str) -> Callable[[Samples], str]:
        def estimated(samples: Samples) -> str:
            tonic, scale, _ = es.KeyExtractor(profileType=profile)(at_44100(samples))
            return f"{tonic} {scale}"

        return estimated

    return {f"Essentia KeyExtractor {profile}": of(profile) for profile in ("krumhansl", "edma", "bgate")}


def at_44100(samples: Samples) -> Samples:
    """Return samples at the rate that Essentia's algorithms expect."""
    return librosa.resample(samples, orig_sr=SAMPLE_RATE_HZ, target_sr=44_100)


def fresh_process(part: str) -> str:
    """Return what this program prints when it is asked for one part, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.features", part]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def print_memory() -> None:
    """Print megabytes resident: with all libraries in use, and the peak while all features of one clip are made."""
    everything(np.zeros(SAMPLE_RATE_HZ, np.float32))
    print(_status_mb("VmRSS"))
    everything(np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE_HZ).astype(np.float32))
    print(_status_mb("VmHWM"))


def _status_mb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))


def median_ms(call: Callable[[Samples], object], clips: list[tuple[dict[str, str], Samples]]) -> float:
    """Return the median milliseconds over some clips."""
    return statistics.median(timed(lambda y=y: call(y)) for _, y in clips[::6])  # type: ignore[misc]  # bound now


def essentia_tempos() -> Mapping[str, Callable[[Samples], float]]:
    """Return Essentia's estimators of tempi when it is importable."""
    if not has_essentia():
        return {}
    import essentia.standard as es  # not a dependency: AGPL

    def rhythm_2013(method: str) -> Callable[[Samples], float]:
        return lambda samples: float(es.RhythmExtractor2013(method=method)(at_44100(samples))[0])

    return {
        "Essentia RhythmExtractor2013 multifeature": rhythm_2013("multifeature"),
        "Essentia RhythmExtractor2013 degara": rhythm_2013("degara"),
        # A new one each time: used again, it returns garbage.
        "Essentia PercivalBpmEstimator": lambda samples: float(es.PercivalBpmEstimator()(at_44100(samples))),
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
    print(f"{name:44s} {first:.3f} {second:.3f} {median_ms(call, clips):5.0f}")


def print_keys(name: str, estimator: Callable[[Samples], str], clips: list[tuple[dict[str, str], Samples]]) -> None:
    """Print one row: mir_eval's weighted score, the share of exact answers, and the median milliseconds."""
    scores = [
        mir_eval.key.weighted_score(key_name(int(row["key"]), int(row["mode"])), estimator(samples))
        for row, samples in clips
    ]
    exact = np.mean([score == 1.0 for score in scores])
    print(f"{name:44s} {np.mean(scores):.3f}    {exact:.3f} {median_ms(estimator, clips):5.0f}")


def _first_call_ms() -> float:
    noise = np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE_HZ).astype(np.float32)
    began = time.process_time()
    everything(noise)
    return (time.process_time() - began) * 1e3


FIRST_CALL_MS = _first_call_ms()

if __name__ == "__main__":
    print_memory() if sys.argv[1:] == ["memory"] else main()
