import os
from pathlib import Path

import pytest

from shared.cores import n_cores


@pytest.fixture(autouse=True)
def machine_of_eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("", 8),
        ("nonsense", 8),
        ("a b", 8),
    ],
)
def test_cores_are_those_of_the_quota_at_least_one_and_no_more_than_there_are(
    tmp_path: Path, quota: str, cores: int
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)

    assert n_cores(file) == cores


def test_cores_are_those_of_the_affinity_where_there_is_no_cgroup(tmp_path: Path) -> None:
    assert n_cores(tmp_path / "cpu.max") == 8


def test_cores_are_the_machines_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)

    assert n_cores(tmp_path / "cpu.max") == 1
