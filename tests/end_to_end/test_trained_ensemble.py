"""An ensemble that was trained a moment ago labels tracks: at the prompt, and through Kafka and all workers."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from schemas.events import TrackLabeled
from shared.embedded.ports import free_port
from shared.models.manifest import Ensemble, load_ensemble
from shared.redis.connection import connect
from shared.settings.redis import RedisSettings
from tests.end_to_end.conftest import Pipeline, WriteTune, running_pipeline
from workers.cli.main import app

pytestmark = pytest.mark.timeout(400)  # several trainings and stacks, on machines that do other things beside
GENRES = ("rock", "jazz", "folk")
WITHIN_S = 90.0

Trained = tuple[Path, Ensemble]
OwnPipeline = Callable[..., AbstractContextManager[Pipeline]]


@pytest.fixture(scope="module")
def train(music: Path, write_tune: WriteTune, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Trained]:
    """Trains on eighteen tunes for an epoch or two, as a person would: at the prompt."""
    lines = ["file\tgenre\tsplit"]
    for i in range(18):
        tune = write_tune(f"train-{i}.wav", seed=100 + i, seconds=5.0)
        lines.append(f"{tune.name}\t{GENRES[i % 3]}\t{('train', 'valid', 'test')[i // 3 % 3]}")
    labels = music / "trained.tsv"
    labels.write_text("\n".join(lines))

    def run(*options: str) -> Trained:
        folder = tmp_path_factory.mktemp("run")
        usual = ["--out", str(folder), "--losses", "bce,focal", "--seeds", "1", "--min-tracks", "1", "--epochs", "2"]
        answer = CliRunner().invoke(app, ["train", "run", str(labels), *usual, *options])
        assert answer.exit_code == 0, (answer.output, answer.exception)
        return folder / "ensemble", load_ensemble(folder / "ensemble")

    return run


@pytest.fixture(scope="module")
def short_chunk(train: Callable[..., Trained]) -> Trained:
    """A narrow network with a front end of its own, 128 bands in dB."""
    return train("--network", "short-chunk", "--width", "2", "--name", "narrow")


@pytest.fixture(scope="module")
def heads(train: Callable[..., Trained]) -> Trained:
    """Heads on the published networks: the pipeline's usual front end."""
    return train("--network", "heads", "--name", "heads")


def _labeled(pipeline: Pipeline, track_id: str, tune: Path) -> TrackLabeled:
    [submission] = pipeline.submit((track_id, tune.as_uri()))
    labeled = pipeline.outcomes([submission], within_s=WITHIN_S)[submission]
    assert isinstance(labeled, TrackLabeled), labeled
    return labeled


def _is_of(labeled: TrackLabeled, ensemble: Ensemble) -> bool:
    named = (labeled.versions.ensemble, labeled.versions.ensemble_digest)
    return named == (ensemble.version, ensemble.digest) and {one.genre for one in labeled.genres} == set(GENRES)


def _at_the_prompt(tune: Path, folder: Path) -> dict[str, Any]:
    answer = CliRunner().invoke(app, ["label", str(tune), "--json", "--ensemble", str(folder)])
    assert answer.exit_code == 0, answer.output
    return dict(json.loads(answer.stdout))


def _cached(pipeline: Pipeline, content_hash: str) -> set[str]:
    """The digests of the ensembles whose results of a content are in Redis."""
    keys = connect(RedisSettings(url=pipeline.stack.redis_url)).keys(f"needledrop:result:{content_hash}:*")
    assert isinstance(keys, list)
    return {key.decode().split(":")[3] for key in keys if isinstance(key, bytes)}


def test_ensemble_with_a_front_end_of_its_own_labels_tracks_through_the_embedded_stack(
    own_pipeline: OwnPipeline, short_chunk: Trained, write_tune: WriteTune
) -> None:
    folder, ensemble = short_chunk
    assert ensemble.front_ends[0].compression == "db"
    tune = write_tune("through-narrow.wav", seed=7, seconds=31.0)  # six patches of 147 kB: the largest events there are

    with own_pipeline(NEEDLEDROP_MODELS_ENSEMBLE=str(folder)) as pipeline:
        assert _is_of(_labeled(pipeline, "trained/narrow", tune), ensemble)


@pytest.mark.broker
def test_on_kafka_a_trained_ensemble_labels_what_the_default_one_has_in_the_cache(
    kafka_home: Path, music: Path, tmp_path: Path, heads: Trained, write_tune: WriteTune
) -> None:
    folder, ensemble = heads
    tune = write_tune("known-by-default.wav", seed=8)
    here = {"NEEDLEDROP_CATALOG_WEB_PORT": str(free_port())}  # the usual one may be another stack's a moment later
    with running_pipeline(music, tmp_path / "state", kafka_home, here) as pipeline:
        default = _labeled(pipeline, "of-default/1", tune)
        assert _labeled(pipeline, "of-default/2", tune).from_cache

    # The same broker and the same Redis, with all they have.
    settings = {**here, "NEEDLEDROP_MODELS_ENSEMBLE": str(folder)}
    with running_pipeline(music, tmp_path / "state", kafka_home, settings) as pipeline:
        cached_before = _cached(pipeline, default.audio.content_hash)
        made = _labeled(pipeline, "of-trained/1", tune)
        again = _labeled(pipeline, "of-trained/2", tune)
        cached = _cached(pipeline, default.audio.content_hash)

    assert default.versions.ensemble_digest != ensemble.digest
    assert cached_before == {default.versions.ensemble_digest}
    assert (made.from_cache, again.from_cache) == (False, True)
    assert _is_of(made, ensemble)
    assert _is_of(again, ensemble)
    assert made.audio.content_hash == default.audio.content_hash
    assert cached == {default.versions.ensemble_digest, ensemble.digest}
    expected = {one["genre"]: one["probability"] for one in _at_the_prompt(tune, folder)["genres"]}
    assert {one.genre: one.probability for one in made.genres} == pytest.approx(expected, abs=1e-4)


def test_label_takes_the_ensemble_as_it_is(heads: Trained, write_tune: WriteTune) -> None:
    folder, ensemble = heads
    tune = write_tune("at-the-prompt.wav", seed=9)

    said = _at_the_prompt(tune, folder)

    assert ensemble.version in json.dumps(said)
    assert set(GENRES) == {genre["genre"] for genre in said["genres"]}


def test_compare_prints_and_draws_what_was_trained(heads: Trained) -> None:
    folder = heads[0].parent

    answer = CliRunner().invoke(app, ["train", "compare", str(folder), "--json"])

    assert answer.exit_code == 0, answer.output
    rows = {row["name"]: row for row in json.loads(answer.stdout)["rows"]}
    assert set(rows) == {"heads-bce-0", "heads-focal-0", "bce", "focal", "ensemble"}
    assert json.loads((folder / "comparison.json").read_text())["n_tags"] == len(GENRES)
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "| **ensemble** |" in (folder / "ensemble" / "model-card.md").read_text()
