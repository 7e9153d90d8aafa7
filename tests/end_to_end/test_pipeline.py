"""From a submission to its outcome, over every worker, on the embedded broker and on a real one."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from schemas.events import TrackFailed, TrackLabeled
from shared.redis.views import ViewKind

WITHIN_S = 90.0  # for a handful of tracks, on a machine that is busy with other things


def labels_in_process(*paths: Path) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "workers.cli.main", "label", "--json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=True)
    return {fields["path"]: fields for fields in map(json.loads, done.stdout.splitlines())}


def numbers(result: dict[str, Any]) -> dict[str, float]:
    """Every genre's and tag's probability, and the numeric features."""
    found = {f"genre {one['genre']}": one["probability"] for one in result["genres"]}
    found |= {f"{kind} {one['tag']}": one["probability"] for kind, tags in result["tags"].items() for one in tags}
    return found | {name: value for name, value in result["features"].items() if isinstance(value, int | float)}


def test_labels_through_kafka_are_those_of_the_same_audio_in_process(pipeline: Any, write_tune: Any) -> None:
    paths = [write_tune(f"same-{seed}.{kind}", seed=seed) for seed, kind in enumerate(("ogg", "flac", "wav", "mp3"))]

    submissions = pipeline.submit(*((f"same/{path.name}", path.as_uri()) for path in paths))
    outcomes = pipeline.outcomes(submissions, within_s=WITHIN_S)

    in_process = labels_in_process(*paths)
    for submission, path in zip(submissions, paths, strict=True):
        through_kafka = json.loads(outcomes[submission].to_json())
        expected = numbers(in_process[str(path)])
        assert numbers(through_kafka) == pytest.approx(expected, abs=1e-4)
        assert len(expected) > 70


def test_known_content_under_another_id_is_answered_from_the_cache(pipeline: Any, write_tune: Any) -> None:
    path = write_tune("known.ogg", seed=50)
    [first] = pipeline.submit(("known/1", path.as_uri()))
    made = pipeline.outcomes([first], within_s=WITHIN_S)[first]

    [second] = pipeline.submit(("known/2", path.as_uri()))
    again = pipeline.outcomes([second], within_s=WITHIN_S)[second]

    assert not made.from_cache
    assert again.from_cache
    assert again.genres == made.genres
    assert again.timings.inference_s is None
    hits = re.search(r'result_lookups_total\{outcome="hit"\} (\S+)', pipeline.metrics("extractor"))
    assert hits
    assert float(hits[1]) >= 1


def test_a_changed_file_under_the_same_id_replaces_the_label_everywhere(pipeline: Any, write_tune: Any) -> None:
    path = write_tune("changing.ogg", seed=60)
    [first] = pipeline.submit(("changing", path.as_uri()))
    before = pipeline.outcomes([first], within_s=WITHIN_S)[first]
    pipeline.eventually(lambda: (view := pipeline.view("changing")) and view.value == before.to_json())

    write_tune("changing.ogg", seed=61)
    [second] = pipeline.submit(("changing", path.as_uri()))
    after = pipeline.outcomes([second], within_s=WITHIN_S)[second]

    assert after.audio.content_hash != before.audio.content_hash
    pipeline.eventually(lambda: pipeline.view("changing").value == after.to_json())


def test_a_failure_after_a_label_is_what_get_returns(pipeline: Any, write_tune: Any) -> None:
    path = write_tune("vanishing.ogg", seed=70)
    [first] = pipeline.submit(("vanishing", path.as_uri()))
    pipeline.outcomes([first], within_s=WITHIN_S)
    path.unlink()

    [second] = pipeline.submit(("vanishing", path.as_uri()))
    failure = pipeline.outcomes([second], within_s=WITHIN_S)[second]

    assert isinstance(failure, TrackFailed)
    assert failure.reason == "not_found"
    pipeline.eventually(lambda: pipeline.view("vanishing").kind is ViewKind.FAILURE)


def test_a_deleted_track_is_gone_everywhere(pipeline: Any, write_tune: Any) -> None:
    path = write_tune("deleted.ogg", seed=80)
    [submission] = pipeline.submit(("deleted", path.as_uri()))
    pipeline.outcomes([submission], within_s=WITHIN_S)
    pipeline.eventually(lambda: pipeline.view("deleted"))

    pipeline.delete("deleted")

    pipeline.tombstone("deleted", within_s=WITHIN_S)
    pipeline.eventually(lambda: pipeline.view("deleted") is None)


def test_a_file_outside_the_media_roots_fails_with_the_setting_to_change(pipeline: Any, tmp_path: Path) -> None:
    outside = tmp_path / "private.ogg"
    soundfile.write(outside, np.zeros(16_000, np.float32), 16_000)

    [submission] = pipeline.submit(("outside", outside.as_uri()))
    failure = pipeline.outcomes([submission], within_s=WITHIN_S)[submission]

    assert isinstance(failure, TrackFailed)
    assert failure.reason == "uri_refused"
    assert "NEEDLEDROP_MEDIA_ROOTS" in failure.message


def test_each_of_200_mixed_submissions_ends_once_with_the_right_reason(
    pipeline: Any, music: Path, write_tune: Any
) -> None:
    (music / "empty.ogg").touch()
    (music / "text.mp3").write_text("these are words, not waves\n" * 200)
    soundfile.write(music / "no-frames.wav", np.zeros(0, np.float32), 16_000)
    (music / "half.ogg").write_bytes(write_tune("whole.ogg", seed=99).read_bytes()[:200])
    tunes = [write_tune(f"mixed-{seed}.{'flac' if seed % 2 else 'ogg'}", seed=1000 + seed) for seed in range(20)]
    bad = {
        "missing.ogg": "not_found",
        "empty.ogg": "empty_audio",
        "text.mp3": "undecodable_audio",
        "no-frames.wav": "empty_audio",
        "half.ogg": "undecodable_audio",
    }
    expected: dict[str, str] = {f"mixed/{i}/{tunes[i % 20].name}": "labeled" for i in range(140)}
    expected |= {f"mixed/{i}/{name}": reason for i in range(12) for name, reason in bad.items()}
    assert len(expected) == 200

    submissions = pipeline.submit(*((track, (music / track.rpartition("/")[2]).as_uri()) for track in expected))
    outcomes = pipeline.outcomes(submissions, within_s=3 * WITHIN_S)

    ended = {
        outcome.track_id: "labeled" if isinstance(outcome, TrackLabeled) else outcome.reason
        for outcome in outcomes.values()
    }
    assert ended == expected
    assert Counter(ended.values())["labeled"] == 140


def test_every_group_reaches_the_end_of_its_topics(pipeline: Any) -> None:
    def lag(worker: str) -> float:
        found = re.findall(r"^needledrop_stream_consumer_lag\{.*\} (\S+)$", pipeline.metrics(worker), re.MULTILINE)
        assert found, worker
        return sum(map(float, found))

    for worker in ("extractor", "classifier", "projector", "trends"):
        pipeline.eventually(lambda worker=worker: lag(worker) == 0, within_s=20.0)


def test_trends_count_every_label_once(pipeline: Any, write_tune: Any) -> None:
    paths = [write_tune(f"trending-{seed}.ogg", seed=seed) for seed in range(110, 115)]
    pipeline.eventually(lambda: pipeline.trends()["standing"]["behind"] == 0, within_s=30.0)
    before = pipeline.trends()["hour"]["labels"]

    pipeline.outcomes(pipeline.submit(*((path.name, path.as_uri()) for path in paths)), within_s=WITHIN_S)

    pipeline.eventually(lambda: pipeline.trends()["hour"]["labels"] >= before + 5, within_s=30.0)
    pipeline.eventually(lambda: pipeline.trends()["standing"]["behind"] == 0, within_s=30.0)
    assert pipeline.trends()["hour"]["labels"] == before + 5
