"""Where benchmarks write what they found, and on which machine that was."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

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


def heading() -> dict[str, Any]:
    """What every result says about itself; the load tells whether others were at work."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "n_cores": n_cores(),
        "python": platform.python_version(),
        "load_before": f"{os.getloadavg()[0]:.1f}",
        "command": " ".join(["python -m", f"benchmarks.{Path(sys.argv[0]).stem}", *_shown(sys.argv[1:])]),
    }


def write(name: str, results: Mapping[str, object]) -> None:
    """Keep ``results`` as ``benchmarks/results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n")


def _shown(arguments: list[str]) -> list[str]:
    """Arguments without this machine's folders."""
    return [Path(argument).name.upper() if "/" in argument else argument for argument in arguments]
