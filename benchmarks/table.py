"""The README's table of speed, from what the benchmarks measured: `python -m benchmarks.table [--write]`.

Without ``--write`` it prints the table of ``docs/measured/*.json``, which is what the README shows. With it, the newest
results of ``benchmarks/results`` become those, and the README's section is written again.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any, Final

from benchmarks.report import RESULTS

ROOT: Final = Path(__file__).parent.parent
MEASURED: Final = ROOT / "docs" / "measured"
README: Final = ROOT / "README.md"
BEGIN, END = "<!-- speed: written by `python -m benchmarks.table --write` -->", "<!-- speed ends -->"


def table(measured: dict[str, dict[str, Any]]) -> str:
    """The section as Markdown, with a row for whatever was measured."""
    rows: list[tuple[str, str, str]] = []
    if ensemble := measured.get("ensemble"):
        rows += _ensemble_rows(ensemble)
    if throughput := measured.get("throughput"):
        rows += _throughput_rows(throughput)
    if latency := measured.get("latency"):
        rows += _latency_rows(latency)
    if growth := measured.get("growth"):
        rows += _growth_rows(growth)
    if music4all := measured.get("music4all"):
        hours = music4all["hours"]["kafka_features_on"]
        taken = ", ".join(f"{hour:.1f} h on {n} cores" for n, hour in hours.items())
        rows.append(("109,269 clips of Music4All, from these rates", taken, "`benchmarks.music4all`"))
    if backfill := measured.get("backfill"):
        rows.append(_backfill_row(backfill))
    if overhead := measured.get("overhead"):
        rows.append(_overhead_row(overhead))
    lines = ["| | measured | command |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([*lines, "", f"Clips of 30 s, {'; '.join(_by_machine(measured))}.", ""])


def _by_machine(measured: dict[str, dict[str, Any]]) -> list[str]:
    """Which machine which rows are of, when, and how much of it was ours."""
    machines = sorted({one["machine"] for one in measured.values()})
    runs = {name: one for name, one in measured.items() if name != "music4all"}  # that is arithmetic
    return [
        f"on {machine} ("
        + "; ".join(
            f"{name}: {one['date']}, {_company(one)}" for name, one in runs.items() if one["machine"] == machine
        )
        + ")"
        for machine in machines
    ]


def _company(found: dict[str, Any]) -> str:
    if (share := found.get("others_share")) is not None:
        return f"others used {share:.0%} of the machine"
    return f"load {found['load_before']} when it began"


def _ensemble_rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    exact = f"{found['ms_per_clip']['exact']:.0f} ms a clip on one core, {found['times_stock']['exact']:.1f} x stock"
    clips = found["clips"]
    differs = f", means differ by {clips['clip_mean_max']:.1e} at most" if clips else ""
    int8 = f"{found['ms_per_clip']['int8']:.0f} ms, {found['times_stock']['int8']:.1f} x stock"
    if found["int8_clips"]:
        int8 += f", means differ by {found['int8_clips']['clip_mean_max']:.1e} at most"
    floor = f"{found['achieved_over_floor']:.2f} x the time that its multiplications need at MatMul's rate"
    command = _command(found)
    return [
        ("four networks, exact, beside stock ONNX Runtime", exact + differs, command),
        ("the same in 8 bits (`models build --int8`)", int8, command),
        ("exact beside the floor", floor, command),
    ]


def _throughput_rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    ratios, command = found["ratios"], _command(found)
    rows = []
    for features, name in (("features_on", "twelve features on"), ("features_off", "features off")):
        ours = found[f"kafka_{features}"]
        measured = f"{ours['tracks_per_s']:.1f} tracks/s, {ours['processor_ms']:.0f} ms of processor time a track: "
        rows.append((f"submitted event to committed label, {name}", measured + _beside(ratios, features), command))
    again = found["kafka_again"]["tracks_per_s"]
    rows.append(
        ("the same contents again", f"{again:.0f} tracks/s, {ratios['again_over_first']:.0f} x as many", command)
    )
    return rows


def _beside(ratios: dict[str, float], features: str) -> str:
    """How many times as fast as who, by the clock and by processor time."""
    peers = {
        "musicnn": "the package musicnn",
        "simple_loop": "librosa and stock ONNX Runtime in a loop",
        "in_process": "the same in one process without Kafka",
    }
    parts = []
    for peer, name in peers.items():
        if (ratio := ratios.get(f"{features}_over_{peer}")) is not None:
            by_processor = ratios[f"{features}_over_{peer}_by_processor_time"]
            parts.append(f"{_times(ratio)} {name} ({_times(by_processor)} by processor time)")
    if (same_work := ratios.get(f"same_work_{features}_over_in_process")) is not None:
        by_processor = ratios[f"same_work_{features}_over_in_process_by_processor_time"]
        parts.append(
            f"{_times(same_work)} ({_times(by_processor)}) without trends and catalog, which one process does not run, "
            "either"
        )
    return ", ".join(parts)


def _times(ratio: float) -> str:
    return f"{ratio:.0f} x" if ratio >= 10 else f"{ratio:.1f} x" if ratio >= 2 else f"{ratio:.2f} x"


def _latency_rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    half, alone = found["at_load"]["0.5"], found["alone_p50_s"]
    measured = f"p50 {half['p50']:.2f} s, p99 {half['p99']:.2f} s; one track alone {alone:.2f} s"
    return [("submit to label at half of the capacity", measured, _command(found))]


def _growth_rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    rates = ", ".join(f"{row['tracks_per_s']:.1f} tracks/s at {row['n_tracks']:,}" for row in found["sizes"])
    if by_turns := found.get("by_turns"):
        behind = sum(row["n_tracks"] for row in found["sizes"])
        at = 2 * max(side["n_tracks"] for side in by_turns.values())
        rates += (
            f"; with {behind:,} behind it {_times(found['ratios']['grown_over_new'])} a new one at {at:,}, by turns"
        )
    last = found["sizes"][-1]
    kilobytes = {name: value / 1e3 for name, value in last["topic_bytes_per_track"].items()}
    kept = f"{last['redis_bytes_per_track'] / 1e3:.1f} kB in Redis, {kilobytes['tracks.labeled.v1']:.1f} kB of labels"
    memory = ", ".join(
        f"{kind} {tenths['last_tenth']:.0f}"
        for kind, tenths in last["resident_mb"].items()
        if kind not in ("kafka", "redis")
    )
    clips = f", clips of {found['clip_s']:g} s" if found["clip_s"] != 30 else ""
    command = _command(found)
    return [
        (f"more tracks{clips}", rates, command),
        ("a track keeps", kept, command),
        ("MB a process", memory, command),
    ]


def _backfill_row(found: dict[str, Any]) -> tuple[str, str, str]:
    memory, killed = found["resident_mb"], found["after_a_kill"]
    said = (
        f"{found['rows_per_s']:,.0f} rows/s, memory {memory['first']:.0f} MB at the first row, "
        f"{memory['largest']:.0f} MB at most; killed and gone on: {killed['missing']} missing, {killed['twice']} twice"
    )
    return f"`submit --music4all`, {found['n_rows']:,} rows", said, _command(found)


def _overhead_row(found: dict[str, Any]) -> tuple[str, str, str]:
    percent = found["percent"]
    said = (
        f"metrics and logs {percent['metrics_and_logs']:.2f} % of a track's processor time, "
        f"traces of 10 % of the tracks {percent['tracing_at_10_percent']:.2f} %, "
        f"tracing off {percent['tracing_off']:.4f} %"
    )
    return "being observed", said, _command(found)


def _command(found: dict[str, Any]) -> str:
    return f"`{found['command'].removeprefix('python -m ')}`"


def measured(folder: Path = MEASURED) -> dict[str, dict[str, Any]]:
    """What the README shows, by benchmark."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def readme_with(section: str, readme: str) -> str:
    """The README with its section replaced. Raises: SystemExit when it has none."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"README.md has no section between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{section}\n{END}{after}"


def main() -> None:
    """Print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="take the newest results over, and write the README")
    arguments = parser.parse_args()
    if arguments.write:
        MEASURED.mkdir(parents=True, exist_ok=True)
        for result in RESULTS.glob("*.json"):
            shutil.copyfile(result, MEASURED / result.name)
        README.write_text(readme_with(table(measured()), README.read_text()))
    print(table(measured()))


if __name__ == "__main__":
    main()
