"""How many cores this process may use: its affinity and its cgroup's quota, not the machine's total."""

import os
from pathlib import Path

_CGROUP_V2_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def n_cores(quota_file: Path = _CGROUP_V2_QUOTA) -> int:
    """Whole cores, at least one. Containers are limited by quota (cgroup v2 `cpu.max`: "<quota> <period>" or "max")."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        return max(1, min(affinity, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or no limit ("max")
        return affinity
