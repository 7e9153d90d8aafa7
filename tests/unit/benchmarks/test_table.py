from pathlib import Path
from typing import Any

import pytest

from benchmarks.growth import broken_promises
from benchmarks.music4all import N_CLIPS, estimated, hours
from benchmarks.table import README, measured, readme_with, table


def test_the_readme_shows_what_was_measured() -> None:
    found = measured()

    assert "ensemble" in found
    assert readme_with(table(found), README.read_text()) == README.read_text()


def test_a_readme_without_the_section_is_refused() -> None:
    with pytest.raises(SystemExit, match="no section"):
        readme_with("a table", "# needledrop\n")


def test_music4all_takes_half_as_long_on_twice_the_cores() -> None:
    assert hours(N_CLIPS / 3600.0, n_measured_cores=2, n_cores=2) == pytest.approx(1.0)
    assert hours(N_CLIPS / 3600.0, n_measured_cores=2, n_cores=4) == pytest.approx(0.5)


def test_music4all_leaves_out_who_was_not_measured() -> None:
    rate = {"tracks_per_s": 5.0}
    throughput = {"machine": "a machine", "n_cores": 2, "kafka_features_on": rate, "simple_loop": rate}

    assert estimated(throughput, [2, 8])["hours"].keys() == {"kafka_features_on", "simple_loop"}


def a_growth(**ratios: float) -> dict[str, Any]:
    kept = {f"{kind}_last_over_second_tenth": 1.0 for kind in ("classifier", "decoder", "extractor", "kafka")}
    return {
        "ratios": {
            "largest_over_the_one_before": 1.0,
            "grown_over_new": 1.0,
            "two_workers_over_one": 2.0,
            **kept,
            **ratios,
        }
    }


def test_growth_says_which_promise_is_broken() -> None:
    assert broken_promises(a_growth()) == []
    assert broken_promises(a_growth(largest_over_the_one_before=0.94)) == ["largest_over_the_one_before"]
    assert broken_promises(a_growth(grown_over_new=0.94)) == ["grown_over_new"]
    assert broken_promises(a_growth(extractor_last_over_second_tenth=1.04)) == ["extractor_last_over_second_tenth"]
    assert broken_promises(a_growth(kafka_last_over_second_tenth=2.0)) == []  # Java's heap is Java's


def test_results_name_no_folder_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from benchmarks.report import heading

    monkeypatch.setattr("sys.argv", [str(tmp_path / "growth.py"), "--music", str(tmp_path), "--sizes", "4"])

    assert heading()["command"] == f"python -m benchmarks.growth --music {tmp_path.name.upper()} --sizes 4"
