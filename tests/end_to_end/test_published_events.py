"""What subscribers get satisfies the JSON Schemas that they were given."""

import json
from typing import Any

import jsonschema

from schemas.documents import FOLDER
from shared.redis.views import ViewKind

WITHIN_S = 90.0  # on a machine that is busy with other things


def published(name: str) -> jsonschema.Draft7Validator:
    """The committed schema of an event."""
    return jsonschema.Draft7Validator(json.loads((FOLDER / "json" / f"{name}.schema.json").read_text(encoding="utf-8")))


def test_labels_and_failures_satisfy_their_published_schemas(pipeline: Any, write_tune: Any) -> None:
    tune = write_tune("published.ogg", seed=90)
    submissions = pipeline.submit(
        ("published/label", tune.as_uri()), ("published/failure", tune.with_name("nowhere.ogg").as_uri())
    )
    pipeline.outcomes(submissions, within_s=WITHIN_S)
    pipeline.eventually(lambda: pipeline.view("published/label") and pipeline.view("published/failure"))

    label, failure = pipeline.view("published/label"), pipeline.view("published/failure")

    assert (label.kind, failure.kind) == (ViewKind.LABEL, ViewKind.FAILURE)
    published("TrackLabeled").validate(json.loads(label.value))
    published("TrackFailed").validate(json.loads(failure.value))
    assert not published("TrackFailed").is_valid(json.loads(label.value))
