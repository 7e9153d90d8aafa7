"""What the 109,269 clips of Music4All would take on N cores: `python -m benchmarks.music4all [--cores 2 8 32]`.

From the rates that ``throughput.py`` measured here. Tracks share nothing but the broker, so the rate of a core is taken
to hold for each further one; ``growth.py`` says what two workers a stage give.
"""

import argparse
import json
from typing import Any, Final

from benchmarks.report import RESULTS, heading, write

N_CLIPS: Final = (
    109_269  # Santana et al., "Music4All: a new music database and its applications", IWSSIP 2020; 30 s each
)
CORES: Final = (2, 8, 32)
_WHAT: Final = {
    "kafka_features_on": "needledrop, twelve features",
    "kafka_features_off": "needledrop, features off",
    "simple_loop": "librosa and stock ONNX Runtime in a loop",
    "musicnn": "the package musicnn",
}


def hours(tracks_per_s: float, n_measured_cores: int, n_cores: int) -> float:
    """Hours for the whole collection."""
    return N_CLIPS / (tracks_per_s * n_cores / n_measured_cores) / 3600.0


def estimated(throughput: dict[str, Any], cores: list[int]) -> dict[str, Any]:
    """Hours by what does the work and number of cores."""
    n_measured = int(throughput["n_cores"])
    return {
        **heading(),
        "measured_on": throughput["machine"],
        "hours": {
            name: {str(n): hours(throughput[name]["tracks_per_s"], n_measured, n) for n in cores}
            for name in _WHAT
            if name in throughput
        },
    }


def main() -> None:
    """Estimate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, nargs="+", default=list(CORES))
    arguments = parser.parse_args()
    measured = RESULTS / "throughput.json"
    if not measured.exists():
        raise SystemExit(f"{measured} is not there: `python -m benchmarks.throughput` first")
    found = estimated(json.loads(measured.read_text()), arguments.cores)
    print(f"{N_CLIPS:,} clips of 30 s, hours; from {found['measured_on']}\n")
    print(f"{'':44}" + "".join(f"{n:>8} cores" for n in arguments.cores))
    for name, by_cores in found["hours"].items():
        print(f"{_WHAT[name]:44}" + "".join(f"{by_cores[str(n)]:14.1f}" for n in arguments.cores))
    write("music4all", found)


if __name__ == "__main__":
    main()
