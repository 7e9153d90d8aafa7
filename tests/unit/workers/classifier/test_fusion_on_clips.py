"""What the fused labels must do on the published models' answers to real clips."""

import csv
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.taxonomy import default_taxonomy
from shared.evaluation.genre_scores import GenreScores, genre_scores
from workers.classifier.evidence import Member
from workers.classifier.fusion import Fusion

Answers = Mapping[str, NDArray[np.float64]]
TAXONOMY = default_taxonomy()


@pytest.fixture(scope="module")
def clips() -> list[tuple[str, str, Answers]]:
    """True genre, source and the published models' answers for each labelled clip."""
    folder = os.environ.get("NEEDLEDROP_TEST_CLIPS")
    if not folder:
        pytest.skip("NEEDLEDROP_TEST_CLIPS names no folder of labelled clips")
    reference = json.loads(Path(folder, "reference.json").read_text())
    with Path(folder, "labels.tsv").open(newline="") as table:
        return [
            (
                TAXONOMY.genre_named(row["genre"]) or "?",
                row["source"],
                {m.name: np.array([reference["clips"][row["file"]][m.name]]) for m in published(reference["tags"])},
            )
            for row in csv.DictReader(table, delimiter="\t")
        ]


def published(tags: Mapping[str, list[str]] | None = None) -> list[Member]:
    names = ("MSD_musicnn", "MSD_vgg", "MTT_musicnn", "MTT_vgg")
    for vocabulary, given in (tags or {}).items():
        assert sorted(given) == sorted(TAXONOMY.vocabularies[vocabulary].tags)
    return [
        Member(name=n, vocabulary=n[:3], tags=tuple((tags or {}).get(n[:3], TAXONOMY.vocabularies[n[:3]].tags)))
        for n in names
    ]


@pytest.mark.clips
def test_fusion_beats_the_plain_average_and_prior_lift_on_real_clips(
    clips: list[tuple[str, str, Answers]], published_order: list[Member]
) -> None:
    fusion = Fusion(TAXONOMY, published_order)

    def fused(answers: Answers) -> dict[str, float]:
        return {genre.name: genre.value for genre in fusion(answers).genres}

    ours = scored(clips, fusion.genres, fused)
    plain = scored(clips, fusion.genres, lambda answers: by_tag_names(answers, published_order, power=0.0))
    lifted = scored(clips, fusion.genres, lambda answers: by_tag_names(answers, published_order, power=0.5))

    for simpler in (plain, lifted):
        assert ours.top1 > simpler.top1
        assert ours.balanced_accuracy > simpler.balanced_accuracy
        assert (ours.group_top1 or 0) > (simpler.group_top1 or 1)
        assert ours.top3 >= simpler.top3
    assert ours.top1 >= 0.68
    assert ours.top3 >= 0.88


@pytest.fixture(scope="module")
def published_order(clips: list[tuple[str, str, Answers]]) -> list[Member]:
    """The published models with their tags in the order of their outputs."""
    assert clips
    return published(json.loads(Path(os.environ["NEEDLEDROP_TEST_CLIPS"], "reference.json").read_text())["tags"])


def scored(
    clips: list[tuple[str, str, Answers]], genres: tuple[str, ...], label: Callable[[Answers], Mapping[str, float]]
) -> GenreScores:
    probabilities = [[label(answers).get(genre, 0.0) for genre in genres] for _, _, answers in clips]
    sources = [source for _, source, _ in clips]
    return genre_scores([truth for truth, _, _ in clips], genres, probabilities, sources, n_resamples=0)


def by_tag_names(answers: Answers, members: list[Member], power: float) -> dict[str, float]:
    """Each genre by the mean probability of its best tag, divided by a power of the tag's prior: no other knowledge."""
    said: dict[tuple[str, str], list[float]] = {}
    for member in members:
        table = TAXONOMY.vocabularies[member.vocabulary].known
        for tag, probability in zip(member.tags, answers[member.name].mean(axis=0), strict=True):
            genre = next((g for g, share in table[tag].names.items() if share == 1), None)
            if genre:
                said.setdefault((genre, tag), []).append(probability / (table[tag].prior or 1.0) ** power)
    best: dict[str, float] = {}
    for (genre, _), values in said.items():
        best[genre] = max(best.get(genre, 0.0), float(np.mean(values)))
    return best
