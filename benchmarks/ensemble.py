"""How long the four networks take for one clip: compiled into one graph, beside the plain graphs as they are.

    python -m benchmarks.ensemble [--clips FOLDER] [--calibrate FOLDER] [--rounds N]

One thread, ten patches of 3 s, five at a time. Contenders take turns, ratios are medians over the rounds, and time is
the thread's own on the processor, so that a busy machine moves both sides alike. The floor is the multiplications that
the compiled graph needs over the rate of ONNX Runtime's own MatMul in the same rounds. Prints a table and writes
``benchmarks/results/ensemble.json``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import soundfile
import soxr
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks.report import heading, write
from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.compiler.costs import cost_per_patch
from shared.models.compiler.ensemble import Network, compile_ensemble, emitted
from shared.models.compiler.int8_ensemble import compile_int8
from shared.models.compiler.probes import probe_patches
from shared.models.graphs import EXPOSABLE, INPUT, PROBABILITIES, plain_graph
from shared.models.published import PATCH_FRAMES, PUBLISHED, published_weights
from workers.cli.calibration_music import calibration_patches
from workers.cli.demo_music import demo_music

N_PATCHES = 10  # a clip of 30 s
BATCH_PATCHES = 5
MATMUL_SIZE, N_MATMULS = 512, 20  # the size with the best rate: it stays in the second-level cache
WARM_UP = 2
NAMES = [model.name for model in PUBLISHED]

Patches = NDArray[np.float32]
Answer = Callable[[Patches], list[Patches]]  # every network's, to a batch


def session(content: bytes, *, arena: bool = True) -> onnxruntime.InferenceSession:
    """One thread, else ONNX Runtime's defaults."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def stock(sessions: dict[str, onnxruntime.InferenceSession]) -> Answer:
    """The plain graphs, a session each."""
    return lambda batch: [sessions[name].run([PROBABILITIES], {INPUT: batch})[0] for name in NAMES]


def exact(running: onnxruntime.InferenceSession) -> Answer:
    """The compiled graph."""
    return lambda batch: running.run([f"{name}/{PROBABILITIES}" for name in NAMES], {INPUT: batch})


def everything(running: onnxruntime.InferenceSession) -> Answer:
    """The compiled graph with all its outputs."""
    return lambda batch: running.run(None, {INPUT: batch})


def answers(answer: Answer, patches: Patches, batch_patches: int = BATCH_PATCHES) -> list[Patches]:
    """All networks' answers to any number of patches."""
    parts = [answer(patches[i : i + batch_patches]) for i in range(0, len(patches), batch_patches)]
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def matmul() -> Callable[[], object]:
    """Some MatMuls in ONNX Runtime."""
    rng = np.random.default_rng(0)
    left, right = (rng.random((MATMUL_SIZE, MATMUL_SIZE), dtype=np.float32) for _ in range(2))
    shape = [MATMUL_SIZE, MATMUL_SIZE]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["left", "right"], ["product"])],
        "matmul",
        [helper.make_tensor_value_info("left", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    running = session(model.SerializeToString())
    return lambda: [running.run(None, {"left": left}) for _ in range(N_MATMULS)]


def timed(contenders: dict[str, Callable[[], object]], n_rounds: int) -> dict[str, NDArray[np.float64]]:
    """Seconds of each contender in each round; they take turns."""
    for run in contenders.values():
        for _ in range(WARM_UP):
            run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(n_rounds):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def clip_patches(clip: Path) -> Patches:
    """What the networks hear of a clip."""
    samples, rate_hz = soundfile.read(clip, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate_hz, MUSICNN_96.sample_rate_hz)
    return compressed(cut(segments_of(mono, MUSICNN_96), PATCH_FRAMES)[0], MUSICNN_96)


def errors_on_clips(expected_of: Answer, found_of: Answer, folder: Path) -> dict[str, float]:
    """The largest differences over all clips, and how often the three best tags are the same."""
    clip_means, patches, same_best = [], [], []
    clips = sorted(path for path in folder.iterdir() if path.suffix in {".ogg", ".wav", ".flac", ".mp3"})
    for clip in clips:
        heard = clip_patches(clip)
        for expected, found in zip(answers(expected_of, heard), answers(found_of, heard), strict=True):
            means = [values.mean(axis=0, dtype=np.float64) for values in (expected, found)]
            clip_means.append(np.abs(means[0] - means[1]).max())
            patches.append(np.abs(expected - found).max())
            same_best.append(np.array_equal(np.argsort(-means[0])[:3], np.argsort(-means[1])[:3]))
    return {
        "n_clips": len(clips),
        "clip_mean_max": float(max(clip_means)),
        "patch_max": float(max(patches)),
        "same_three_best": float(np.mean(same_best)),
    }


def label_and_print_peak_rss(files: list[Path], *, arena: bool) -> None:
    """What a process of its own does: labels a clip three times with one file, or with one for each network."""
    sessions = {path.stem: session(path.read_bytes(), arena=arena) for path in files}
    rng = np.random.default_rng(0)
    patches = rng.uniform(0, 5, (N_PATCHES, PATCH_FRAMES, MUSICNN_96.n_bands)).astype(np.float32)
    for _ in range(3 if files else 0):
        answers(stock(sessions) if len(files) > 1 else exact(*sessions.values()), patches)
    print(own_peak_kib())


def own_peak_kib() -> int:
    """This process's peak RSS. Not from getrusage, which starts from that of the process it was forked from."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def peak_rss_mb(plain: dict[str, onnx.ModelProto], compiled: onnx.ModelProto) -> dict[str, float]:
    """The most memory that labeling takes, imports included. Graphs come from files: making them is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.onnx" for name in (*plain, "compiled")}
        for name, graph in {**plain, "compiled": compiled}.items():
            onnx.save(graph, paths[name])
        stock_files = [str(paths[name]) for name in plain]
        exact_file = str(paths["compiled"])
        jobs = {
            "imports": [],
            "stock": stock_files,
            "exact": [exact_file],
            "exact, no arena": ["--no-arena", exact_file],
        }
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        peaks = {}
        for name, arguments in jobs.items():
            command = [sys.executable, __file__, "--peak-rss", *arguments]
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300)
            peaks[name] = float(done.stdout) / 1024
        return peaks


def measure(clips: Path | None, calibrate: Path | None, n_rounds: int) -> dict[str, object]:
    """All numbers of the table."""
    members = [Network(model, published_weights(model)) for model in PUBLISHED]
    started = time.perf_counter()
    compiled = compile_ensemble(members)
    compile_s = time.perf_counter() - started
    exposed = emitted(members, [(n.model.name, role) for n in members for role in EXPOSABLE[n.model.architecture]])
    plain = {n.model.name: plain_graph(n.model, n.weights) for n in members}
    stock_answer = stock({name: session(graph.SerializeToString()) for name, graph in plain.items()})
    content = compiled.graph.SerializeToString()
    exact_answer, frugal = exact(session(content)), exact(session(content, arena=False))
    exposed_answer = everything(session(exposed.SerializeToString()))
    int8 = compile_int8(members, calibration_patches(calibrate or demo_music()))
    int8_answer = exact(session(int8.graph.SerializeToString()))
    probes = list(probe_patches().values())
    patches = np.stack([probes[i % len(probes)] for i in range(N_PATCHES)])
    seconds = timed(
        {
            "stock": lambda: answers(stock_answer, patches),
            "exact": lambda: answers(exact_answer, patches),
            "int8": lambda: answers(int8_answer, patches, 2),
            "exact, everything exposed": lambda: answers(exposed_answer, patches),
            "exact, no arena": lambda: answers(frugal, patches),
            "exact, no arena, 2 at a time": lambda: answers(frugal, patches, 2),
            "matmul": matmul(),
        },
        n_rounds,
    )
    cost = cost_per_patch(compiled.graph)
    macs_per_s = N_MATMULS * MATMUL_SIZE**3 / seconds.pop("matmul")  # round by round
    floor_s = N_PATCHES * cost.needed / macs_per_s
    return {
        **heading(),
        "onnxruntime": onnxruntime.__version__,
        "rounds": n_rounds,
        "compile_s": compile_s,
        "ms_per_clip": {name: 1e3 * float(np.median(values)) for name, values in seconds.items()},
        "times_stock": {name: float(np.median(seconds["stock"] / values)) for name, values in seconds.items()},
        "macs_per_patch": {
            "stock": sum(cost_per_patch(graph).done for graph in plain.values()),
            "exact, needed": cost.needed,
            "exact, done": cost.done,
        },
        "matmul_gflops": float(np.median(2e-9 * macs_per_s)),
        "floor_ms": 1e3 * float(np.median(floor_s)),
        "achieved_over_floor": float(np.median(seconds["exact"] / floor_s)),
        "peak_rss_mb": peak_rss_mb(plain, compiled.graph),
        "synthetic": {"n_patches": compiled.verification.n_patches, "patch_max": compiled.verification.worst},
        "clips": errors_on_clips(stock_answer, exact_answer, clips) if clips else None,
        "int8_clips": errors_on_clips(stock_answer, int8_answer, clips) if clips else None,
        "int8_error": dict(int8.error),
    }


def print_table(results: dict[str, Any]) -> None:
    """The same, to be read."""
    print(f"{results['machine']}; ONNX Runtime {results['onnxruntime']}; {results['date']}; one thread\n")
    print(f"{'ensemble of four':32}{'ms per clip':>12}{'x stock':>9}{'peak MB':>9}")
    for name, ms in results["ms_per_clip"].items():
        peak = results["peak_rss_mb"].get(name)
        print(f"{name:32}{ms:12.0f}{results['times_stock'][name]:9.2f}{f'{peak:.0f}' if peak else '':>9}")
    print(f"{'imports alone':32}{'':21}{results['peak_rss_mb']['imports']:9.0f}\n")
    macs = {name: f"{n / 1e6:.0f} M" for name, n in results["macs_per_patch"].items()}
    print("multiplications per patch: " + "; ".join(f"{name} {n}" for name, n in macs.items()))
    print(
        f"floor {results['floor_ms']:.0f} ms at MatMul's {results['matmul_gflops']:.0f} GFLOPS; "
        f"achieved / floor {results['achieved_over_floor']:.2f}"
    )
    synthetic, clips = results["synthetic"], results["clips"]
    print(f"largest difference on {synthetic['n_patches']} synthetic patches {synthetic['patch_max']:.1e}", end="")
    if clips:
        print(
            f"; on {clips['n_clips']} clips {clips['clip_mean_max']:.1e} of a clip's mean, {clips['patch_max']:.1e} of "
            f"a patch; the same three best tags {clips['same_three_best']:.3f}"
        )
    else:
        print("; no clips (NEEDLEDROP_TEST_CLIPS or --clips)")
    print(f"int8, on music that it was not calibrated on {results['int8_error']['patch_max']:.1e} of a patch", end="")
    if of_int8 := results["int8_clips"]:
        print(
            f"; on the clips {of_int8['clip_mean_max']:.1e} of a clip's mean, {of_int8['patch_max']:.1e} of a patch; "
            f"the same three best tags {of_int8['same_three_best']:.3f}",
            end="",
        )
    print()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=os.environ.get("NEEDLEDROP_TEST_CLIPS"), help="folder of audio")
    parser.add_argument("--calibrate", type=Path, help="folder of music for int8; not the clips; a demo track else")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--peak-rss", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--no-arena", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_rss:
        label_and_print_peak_rss(arguments.files, arena=not arguments.no_arena)
        return
    results = measure(arguments.clips, arguments.calibrate, arguments.rounds)
    print_table(results)
    write("ensemble", results)


if __name__ == "__main__":
    main()
