"""Labels of ensembles that nobody has hard-wired: members are entries in a manifest."""

import base64
import dataclasses
from typing import Any

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from shared.features import NO_FEATURES, Presence
from shared.models.manifest import load_ensemble, with_label_embedding
from shared.models.sessions import RunningEnsemble, load_running_ensemble
from tests.unit.workers.classifier.conftest import (
    EnsembleFolder,
    MakeExtracted,
    constant_network,
    effnet_like,
    mtg_head,
)
from workers.classifier.labeler import Labeler

RNG = np.random.default_rng(4)
POWER = RNG.random((374, 96)).astype(np.float32)
STYLES = [f"{genre}---Style {i}" for genre in ("Rock", "Jazz", "Reggae", "Electronic") for i in range(99)]
STYLES += ["Hip Hop---Trap", "Latin---Salsa", "Stage & Screen---Score", "Non-Music---Radioplay"]
HEARS: dict[str, Any] = {"front_end": "musicnn_96", "patch_frames": 187, "outputs": {"probabilities": "probabilities"}}
EFFNET: dict[str, Any] = {
    "name": "discogs_effnet",
    "input": "melspectrogram",
    "outputs": {"probabilities": "activations", "embedding": "embeddings"},
    "front_end": "musicnn_96",
    "patch_frames": 128,
    "hop_frames": 62,
    "tags": STYLES,
    "vocabulary": "Discogs",
}


def mtg_ensemble(folder: EnsembleFolder, *styles: str) -> None:
    """An EffNet that hears these styles, and heads on it, as MTG publishes them."""
    to_embedding = np.abs(RNG.standard_normal((96, 1280))).astype(np.float32)
    to_activations = np.full((1280, 400), -1e-3, np.float32)
    to_activations[:, [STYLES.index(style) for style in styles]] = 1e-3
    folder.add("effnet.onnx", effnet_like(to_embedding, to_activations), **EFFNET)
    heads = {"mood_happy": ["happy", "non_happy"], "voice_instrumental": ["instrumental", "voice"]}
    for name, tags in heads.items():
        folder.add(
            f"{name}.onnx",
            mtg_head(np.tile(np.array([2e-3, 1e-3], np.float32), (1280, 1))),
            name=name,
            input="model/Placeholder",
            input_from={"member": "discogs_effnet", "output": "embedding"},
            outputs={"probabilities": "model/Softmax"},
            tags=tags,
        )


def genres(folder: EnsembleFolder, extracted: Any) -> dict[str, float]:
    labeled = Labeler(load_running_ensemble(folder.path))(extracted)
    return {one.genre: one.probability for one in labeled.result.genres}


def test_discogs_effnet_and_its_heads_are_entries_of_a_manifest(
    ensemble_folder: EnsembleFolder, extracted_of: MakeExtracted
) -> None:
    mtg_ensemble(ensemble_folder, "Reggae---Style 3", "Reggae---Style 40")
    running = load_running_ensemble(ensemble_folder.path)

    labeled = Labeler(running)(extracted_of(POWER))

    [patches] = {len(answer.start_s) for answer in running.answers(extracted_of(POWER).segments).values()}
    assert patches == 4  # (374 - 128) // 62 + 1: every 62 frames
    assert len(labeled.members["discogs_effnet"]) == 400
    assert labeled.result.genres[0].genre == "reggae"  # which the default ensemble never says
    assert "latin" in {one.genre for one in labeled.result.genres}
    assert labeled.result.tags.genre[0].tag in ("style 3", "style 40")
    assert {one.tag for one in labeled.result.tags.mood} == {"happy"}
    assert {one.tag for one in labeled.result.tags.voice} == {"instrumental", "vocals"}
    assert labeled.members["mood_happy"].sum() == pytest.approx(1.0)


def test_head_may_read_several_embeddings_side_by_side(
    ensemble_folder: EnsembleFolder, extracted_of: MakeExtracted
) -> None:
    narrow = effnet_like(RNG.random((96, 3)).astype(np.float32), RNG.random((3, 2)).astype(np.float32))
    wide = effnet_like(RNG.random((96, 5)).astype(np.float32), RNG.random((5, 2)).astype(np.float32))
    for name, graph in (("narrow", narrow), ("wide", wide)):
        ensemble_folder.add(f"{name}.onnx", graph, **{**EFFNET, "name": name, "tags": ["rock", "jazz"]})
    matrix = 0.01 * RNG.standard_normal((8, 2)).astype(np.float32)
    ensemble_folder.add(
        "head.onnx",
        mtg_head(matrix),
        name="head",
        input="model/Placeholder",
        input_from=[{"member": "wide"}, {"member": "narrow", "output": "embedding"}],
        outputs={"probabilities": "model/Softmax"},
        tags=["rock", "jazz"],
    )

    also = [("wide", "embedding"), ("narrow", "embedding")]
    answers = load_running_ensemble(ensemble_folder.path).answers(extracted_of(POWER).segments, also)

    read = np.concatenate([answers[name].outputs["embedding"] for name in ("wide", "narrow")], axis=1)
    odds = np.exp(read @ matrix)
    np.testing.assert_allclose(answers["head"].probabilities, odds / odds.sum(axis=1, keepdims=True), rtol=1e-4)


def test_head_of_another_width_than_what_feeds_it_is_refused(ensemble_folder: EnsembleFolder) -> None:
    mtg_ensemble(ensemble_folder)
    ensemble_folder.add(
        "head.onnx",
        mtg_head(np.zeros((512, 2), np.float32)),
        name="head",
        input="model/Placeholder",
        input_from={"member": "discogs_effnet"},
        outputs={"probabilities": "model/Softmax"},
        tags=["a", "b"],
    )

    with pytest.raises(
        InvalidSettingError, match=r"head's entry means model/Placeholder to be \['n', 1280\], .* 512\]"
    ):
        load_running_ensemble(ensemble_folder.path)


def test_a_fifth_member_changes_the_genres_as_its_weight_says(
    ensemble_folder: EnsembleFolder, extracted_of: MakeExtracted
) -> None:
    for i in range(4):
        ensemble_folder.add(
            f"{i}.onnx", constant_network([0.5, 0.1]), name=f"member {i}", tags=["rock", "jazz"], **HEARS
        )
    without = genres(ensemble_folder, extracted_of(POWER))["jazz"]

    found = []
    fifth = constant_network([0.1, 0.5])
    for weight in (0.25, 1.0, 4.0, 16.0):
        ensemble_folder.set(members=ensemble_folder.members[:4])
        ensemble_folder.add("fifth.onnx", fifth, name="fifth", tags=["rock", "jazz"], weight=weight, **HEARS)
        found.append(genres(ensemble_folder, extracted_of(POWER))["jazz"])

    # Four say that jazz is unlikely; one that says the opposite is as good as they are when it weighs as much.
    assert without < found[0] < found[1] < found[2] < found[3]
    assert found[2] == pytest.approx(0.5, abs=1e-6)


def test_label_carries_the_mean_embedding_when_it_is_asked_for(
    ensemble_folder: EnsembleFolder, extracted_of: MakeExtracted
) -> None:
    mtg_ensemble(ensemble_folder)
    ensemble = load_ensemble(ensemble_folder.path)
    asked = with_label_embedding(ensemble, "discogs_effnet/embedding")
    extracted = extracted_of(POWER)

    bare = Labeler(RunningEnsemble(ensemble, ensemble_folder.path))(extracted).result
    result = Labeler(RunningEnsemble(asked, ensemble_folder.path))(extracted).result

    assert bare.embedding is None
    assert result.embedding is not None
    answers = RunningEnsemble(ensemble, ensemble_folder.path).answers(
        extracted.segments, [("discogs_effnet", "embedding")]
    )
    expected = answers["discogs_effnet"].outputs["embedding"].mean(axis=0)
    found = np.frombuffer(base64.b64decode(result.embedding), "<f2")
    assert found.shape == (1280,)
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    # Earlier results without an embedding are not taken for ones with it.
    assert result.versions.ensemble_digest == asked.digest != bare.versions.ensemble_digest == ensemble.digest
    assert result.genres == bare.genres


def test_embedding_that_no_member_exposes_is_refused_with_those_that_are(ensemble_folder: EnsembleFolder) -> None:
    mtg_ensemble(ensemble_folder)

    with pytest.raises(InvalidSettingError, match=r"does not expose mood_happy/embedding; .* discogs_effnet/embedding"):
        with_label_embedding(load_ensemble(ensemble_folder.path), "mood_happy/embedding")


@pytest.mark.parametrize(
    ("presence", "doubt"),
    [
        (Presence(level_db=-75.0, spoken=0.0), "silence"),
        (Presence(level_db=-20.0, spoken=0.9), "speech"),
        (Presence(level_db=-20.0, spoken=0.1), None),
    ],
)
def test_silence_and_speech_are_unsure_where_no_features_are_wanted(
    ensemble_folder: EnsembleFolder, extracted_of: MakeExtracted, presence: Presence, doubt: str | None
) -> None:
    mtg_ensemble(ensemble_folder)
    extracted = dataclasses.replace(extracted_of(POWER), features_version=NO_FEATURES, signal=presence.as_json())

    fused = Labeler(load_running_ensemble(ensemble_folder.path))(extracted).fused

    assert {"silence", "speech"} & set(fused.unsure_because) == ({doubt} if doubt else set())


def test_an_extractor_that_measures_no_presence_yet_is_not_held_against_the_track(
    ensemble_folder: EnsembleFolder, extracted_of: MakeExtracted
) -> None:
    mtg_ensemble(ensemble_folder)
    extracted = dataclasses.replace(extracted_of(POWER), features_version=NO_FEATURES, signal={})

    fused = Labeler(load_running_ensemble(ensemble_folder.path))(extracted).fused

    assert not {"silence", "speech"} & set(fused.unsure_because)
