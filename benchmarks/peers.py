"""Who else can put the four networks' tags on a clip, and how many seconds they take: all of this machine's cores."""

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import librosa
import numpy as np
import onnxruntime
import platformdirs
from numpy.typing import NDArray

from shared.models.graphs import INPUT, PROBABILITIES, plain_graph
from shared.models.published import PATCH_FRAMES, PUBLISHED, published_weights

MUSICNN_VENV: Final = Path(platformdirs.user_cache_dir("needledrop")) / "benchmark-musicnn"
# tf-keras: the package is written for TensorFlow 1, whose layers Keras 3 no longer has.
_REQUIREMENTS: Final = ("tensorflow-cpu", "tf-keras", "librosa")
_FLOAT16: Final = "audio_rep = audio_rep.astype(np.float16)\n"
# On today's NumPy its compression overflows in float16, and the tags are those of noise.
_REPAIRED: Final = "audio_rep = audio_rep.astype(np.float16).astype(np.float32)\n"

Means = dict[str, NDArray[np.float64]]  # by model: a clip's mean probabilities


@dataclass(frozen=True, slots=True)
class Spent:
    """What one clip took."""

    seconds: float
    processor_s: float


def musicnn_environment(folder: Path = MUSICNN_VENV) -> Path:
    """The Python of a virtual environment with the package musicnn in it, made when it is not there (some minutes)."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing TensorFlow and musicnn into {folder} (once; 2.6 GB)", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *_REQUIREMENTS], check=True)
        subprocess.run([*install, "--no-deps", "musicnn==0.1.0"], check=True)  # its own pins are for Python 3.6
        (folder / "complete").touch()
    [source] = folder.glob("lib/python*/site-packages/musicnn/extractor.py")
    text = source.read_text()
    if _REPAIRED not in text:
        if _FLOAT16 not in text:
            raise SystemExit(f"{source} is not the musicnn that we know")
        source.write_text(text.replace(_FLOAT16, _REPAIRED))
    return python


def musicnn_package(python: Path, clips: Sequence[Path]) -> tuple[list[Spent], list[Means]]:
    """What each clip took, four models, and their means."""
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    script = Path(__file__).with_name("musicnn_peer.py")
    command = [str(python), str(script), *map(str, clips)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the package musicnn failed:\n{done.stderr[-2000:]}")
    _, *heard = [json.loads(line) for line in done.stdout.splitlines()]  # the first one warms up
    means = [{name: np.array(values) for name, values in one["means"].items()} for one in heard]
    return [Spent(one["seconds"], one["processor_s"]) for one in heard], means


def simple_loop(clips: Sequence[Path]) -> list[Spent]:
    """What each clip took: librosa's front end, the graphs as published, ONNX Runtime as it comes; one by one."""
    options = onnxruntime.SessionOptions()
    sessions = [
        onnxruntime.InferenceSession(plain_graph(model, published_weights(model)).SerializeToString(), options)
        for model in PUBLISHED
    ]
    spent = []
    for clip in (clips[0], *clips):
        began, began_processor = time.perf_counter(), time.process_time()
        samples, _ = librosa.load(clip, sr=16_000)
        power = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=512, hop_length=256, n_mels=96).T
        frames = np.log10(10_000 * power + 1).astype(np.float32)
        n_patches = len(frames) // PATCH_FRAMES
        patches = frames[: n_patches * PATCH_FRAMES].reshape(n_patches, PATCH_FRAMES, -1)
        for session in sessions:
            session.run([PROBABILITIES], {INPUT: patches})[0].mean(axis=0)
        spent.append(Spent(time.perf_counter() - began, time.process_time() - began_processor))
    return spent[1:]
