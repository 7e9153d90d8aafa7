"""The benchmarks of the whole pipeline, on a handful of tracks: that they run and say what they promise to say."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import growth, latency, throughput

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:.*deprecated and slated for removal:DeprecationWarning"),  # what librosa imports
]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of 30 s."""
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(6)
    for name in ("one", "two"):
        soundfile.write(folder / f"{name}.flac", 0.1 * rng.standard_normal((30 * 22_050, 2)), 22_050)
    return folder


@pytest.fixture(autouse=True)
def models_of_this_code(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_MODELS_FOLDER", str(tmp_path_factory.getbasetemp() / "benchmark-models"))


@pytest.fixture(autouse=True)
def few_for_warming_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "N_WARM_UP", 8)
    monkeypatch.setattr(throughput, "N_PEER_CLIPS", 1)
    monkeypatch.setattr(throughput, "N_ROUNDS", 2)
    monkeypatch.setattr(latency, "N_WARM_UP", 2)
    monkeypatch.setattr(latency, "N_ALONE", 2)


def test_throughput_compares_kafka_with_the_same_work_without_and_with_a_simple_loop(
    music: Path, kafka_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = throughput.measure(music, kafka_home, 8, None)
    throughput.print_table(found)

    assert {
        "again_over_first",
        "features_on_over_in_process",
        "same_work_features_on_over_in_process",
        "features_off_over_simple_loop",
    } <= found["ratios"].keys()
    assert "trends" not in found["kafka_same_work_features_on"]["by_process"]
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert [one["n_tracks"] for one in found["kafka_features_on"]["rounds"]] == [8, 4]
    assert [one["n_tracks"] for one in found["kafka_same_work_features_on"]["rounds"]] == [4, 4]
    used = found["kafka_features_on"]["by_process"]
    assert used["decoder"] > 0
    assert used["classifier"] > 0
    assert used["kafka"] > 0
    # Content that is known is neither decoded nor heard again.
    again = found["kafka_again"]["by_process"]
    assert again["decoder"] < used["decoder"] / 4
    assert "tracks/s" in capsys.readouterr().out


def test_latency_is_told_alone_and_at_three_loads(music: Path, kafka_home: Path) -> None:
    found = latency.measure(music, kafka_home, 4)

    assert found["at_load"].keys() == {"0.25", "0.5", "0.75"}
    for at in found["at_load"].values():
        assert 0 < at["p50"] <= at["p95"] <= at["p99"]
    assert found["alone_p50_s"] > 0


def test_growth_tells_rates_memory_and_bytes_for_each_size(music: Path, kafka_home: Path) -> None:
    found = growth.measure(music, kafka_home, [4, 6], 4.0)

    assert [row["n_tracks"] for row in found["sizes"]] == [4, 6]
    for row in (*found["sizes"], found["two_workers_a_stage"]):
        assert row["tracks_per_s"] > 0
        assert row["topic_bytes_per_track"]["tracks.labeled.v1"] > 1000
        assert row["redis_bytes_per_track"] > 1000
    assert [side["n_tracks"] for side in found["by_turns"].values()] == [3, 3]
    assert "classifier" in found["by_turns"]["grown"]["by_process"]
    assert found["by_turns"]["grown"]["by_process"].keys() == found["by_turns"]["new"]["by_process"].keys()
    assert {"extractor", "decoder", "classifier"} <= found["sizes"][-1]["resident_mb"].keys()
