"""Where benchmarks write what they found, and on which machine that was."""

import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from shared.cores import n_cores

RESULTS: Final = Path(__file__).parent / "results"


def machine() -> str:
    """The processor and how many of its cores we may use."""
    return f"{cpu_name()}, {n_cores()} cores"


def cpu_name() -> str:
    """The processor, as the system names it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def busy_s() -> float:
    """Processor seconds that this machine has spent since it began, for whomever."""
    spent = psutil.cpu_times()
    return float(spent.user + spent.system + sum(getattr(spent, name, 0.0) for name in ("nice", "irq", "softirq")))


def own_s() -> float:
    """Processor seconds that this process and its descendants have used."""
    own = sum(os.times()[:4])  # with those children that have ended
    for process in psutil.Process().children(recursive=True):
        try:
            own += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:  # it has just ended
            continue
    return own


_BEGAN_S, _BUSY_BEFORE_S, _LOAD_BEFORE = time.monotonic(), busy_s(), os.getloadavg()[0]


def others_share() -> float:
    """What part of the machine others have used since this module was loaded, 0 to 1."""
    others_s = busy_s() - _BUSY_BEFORE_S - own_s()
    return max(0.0, others_s / ((time.monotonic() - _BEGAN_S) * (os.cpu_count() or 1)))


def heading() -> dict[str, Any]:
    """What every result says about itself; the load tells whether others were at work."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "n_cores": n_cores(),
        "python": platform.python_version(),
        "load_before": f"{_LOAD_BEFORE:.1f}",
        "command": " ".join(["python -m", f"benchmarks.{Path(sys.argv[0]).stem}", *_shown(sys.argv[1:])]),
    }


def write(name: str, results: Mapping[str, object]) -> None:
    """Keep ``results``, and what others used of the machine meanwhile, as ``benchmarks/results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    kept = {**results, "others_share": others_share()}
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=2) + "\n")


def _shown(arguments: list[str]) -> list[str]:
    """Arguments without this machine's folders."""
    return [Path(argument).name.upper() if "/" in argument else argument for argument in arguments]
