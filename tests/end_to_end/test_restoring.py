"""A backup of Kafka's files alone brings everything back: views and catalogue are made again from the topics."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from schemas.events import TrackLabeled
from shared.redis.views import ViewKind

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

WITHIN_S = 90.0


def needledrop(pipeline: Any, *arguments: str) -> dict[str, Any]:
    environment = {**os.environ, **pipeline.stack.environment(), "NEEDLEDROP_STATE": str(pipeline.state)}
    command = [sys.executable, "-m", "workers.cli.main", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def catalogued(pipeline: Any) -> set[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{pipeline.stack.catalog_port}/api/tracks", timeout=5.0) as answer:
        return {track["id"] for track in json.load(answer)["items"]}


def test_kafka_s_files_alone_bring_labels_views_and_catalogue_back(
    durable_pipeline: Callable[[], AbstractContextManager[Any]], write_tune: Any, tmp_path: Path
) -> None:
    state, backup = tmp_path / "state", tmp_path / "backup"
    tunes = {f"kept/{seed}": write_tune(f"kept-{seed}.ogg", seed=90 + seed).as_uri() for seed in range(3)}
    with durable_pipeline() as pipeline:
        before = pipeline.outcomes(pipeline.submit(*tunes.items()), within_s=WITHIN_S)
        assert needledrop(pipeline, "drain")["empty"]
    shutil.copytree(state / "kafka", backup)

    shutil.rmtree(state)  # the disk is gone: Redis, the catalog, journals and logs with it
    shutil.copytree(backup, state / "kafka")

    with durable_pipeline() as pipeline:
        assert pipeline.view("kept/0") is None
        rebuilt = needledrop(pipeline, "cache", "rebuild")
        views = {track_id: pipeline.view(track_id) for track_id in tunes}
        pipeline.eventually(lambda: catalogued(pipeline) == tunes.keys(), within_s=WITHIN_S)
        # Nothing is labeled twice: all that the topics hold are the labels from before.
        again = pipeline.outcomes_so_far(list(before), within_s=5.0)
        # A relabel is conditional, and Redis has forgotten which submission of a track is its newest.
        relabeled = needledrop(pipeline, "relabel", "--ensemble-older-than", "published-999")
        labels: dict[str, TrackLabeled] = {}
        for record in pipeline._until(lambda: len(labels) == len(tunes), WITHIN_S):
            labels[record.key_text] = TrackLabeled.from_json(record.value or b"")

    assert rebuilt["written"] == len(tunes)
    assert {track_id: view.kind for track_id, view in views.items() if view} == dict.fromkeys(tunes, ViewKind.LABEL)
    assert again == before
    assert relabeled["submitted"] == len(tunes)
    assert {label.submission.relabel_of for label in labels.values()} == before.keys()
