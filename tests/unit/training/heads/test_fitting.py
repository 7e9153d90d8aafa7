"""A head on made-up embeddings, of which it is known what can be learnt from them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.heads.fitting import Example, best_temperature, fitted, softmax, track_log_loss
from training.heads.validation import out_of_fold

WIDTH, N_PATCHES = 12, 4


def examples_of(
    genres: list[str], groups: list[str], *, apart: float = 3.0, of_group: float = 0.0, seed: int = 0
) -> list[Example]:
    """Tracks around a centre for each genre, and one for each group; how far from others, the numbers say."""
    rng = np.random.default_rng(seed)
    centre = {genre: apart * rng.standard_normal(WIDTH) for genre in sorted(set(genres))}
    place = {group: of_group * rng.standard_normal(WIDTH) for group in sorted(set(groups))}
    scale = np.geomspace(0.01, 100, WIDTH)  # columns of very different sizes, as embeddings have them

    def track(genre: str, group: str) -> NDArray[np.float32]:
        patches = centre[genre] + place[group] + rng.standard_normal((N_PATCHES, WIDTH))
        return np.asarray(patches * scale + 5 * scale, np.float32)

    return [
        Example(embedding=track(genre, group), genre=genre, group=group)
        for genre, group in zip(genres, groups, strict=True)
    ]


def balanced_accuracy(examples: list[Example]) -> float:
    said = out_of_fold(examples)
    first = [said.genres[one.mean(axis=0).argmax()] for one in said.probabilities]
    recalls = [
        np.mean([f == e.genre for f, e in zip(first, examples, strict=True) if e.genre == genre])
        for genre in said.genres
    ]
    return float(np.mean(recalls))


def test_genres_that_are_apart_are_told_apart_on_groups_never_heard() -> None:
    genres = ["jazz", "rock", "ambient"] * 12
    groups = [f"artist {i % 18}" for i in range(36)]

    assert balanced_accuracy(examples_of(genres, groups)) > 0.95


def test_genres_that_are_not_apart_are_not_told_apart() -> None:
    genres = ["jazz", "rock"] * 30
    groups = [f"artist {i}" for i in range(60)]

    assert 0.25 < balanced_accuracy(examples_of(genres, groups, apart=0.0)) < 0.75


def test_what_a_group_sounds_like_does_not_pass_for_its_genre() -> None:
    # Each artist is of one genre and unlike all others: whoever has heard an artist knows the genre of all its tracks.
    groups = [f"artist {i // 6}" for i in range(60)]
    genres = [("jazz", "rock")[(i // 6) % 2] for i in range(60)]
    honest, careless = [], []
    for seed in range(4):
        examples = examples_of(genres, groups, apart=0.0, of_group=5.0, seed=seed)
        alone = [Example(embedding=e.embedding, genre=e.genre, group=str(i)) for i, e in enumerate(examples)]
        honest.append(balanced_accuracy(examples))
        careless.append(balanced_accuracy(alone))

    assert np.mean(careless) > 0.9
    assert np.mean(honest) < 0.7


def test_rare_genre_is_found_beside_a_common_one() -> None:
    genres = ["rock"] * 54 + ["jazz"] * 6
    groups = [f"artist {i}" for i in range(60)]

    assert balanced_accuracy(examples_of(genres, groups, apart=1.0)) > 0.85


def test_probabilities_of_two_genres_are_those_of_a_softmax() -> None:
    head = fitted(examples_of(["jazz", "rock"] * 10, ["a", "b"] * 10))

    logits = head.logits(examples_of(["rock"], ["a"])[0].embedding)

    assert head.genres == ("jazz", "rock")
    assert head.weights.shape == (WIDTH, 2)
    np.testing.assert_allclose(head.weights.sum(axis=1), 0, atol=1e-12)
    assert softmax(logits).sum(axis=1) == pytest.approx(1.0)


def test_column_that_never_changes_is_passed_over() -> None:
    examples = examples_of(["jazz", "rock"] * 10, ["a", "b"] * 10)
    for example in examples:
        example.embedding[:, 3] = 7.0

    head = fitted(examples)

    assert head.scale[3] == 1.0
    assert np.isfinite(head.logits(examples[0].embedding + 1)).all()


def test_temperature_undoes_what_was_exaggerated() -> None:
    rng = np.random.default_rng(1)
    honest = rng.standard_normal((400, 1, 3)) * 1.5
    truth = [int(rng.choice(3, p=softmax(one)[0])) for one in honest]

    assert best_temperature(list(honest), truth) == pytest.approx(1.0, abs=0.25)
    assert best_temperature(list(2 * honest), truth) == pytest.approx(2.0, abs=0.5)
    bold, cooled = (track_log_loss(list(2 * honest), truth, t) for t in (1.0, 2.0))
    assert cooled < bold


def test_cooling_is_the_division_of_logits() -> None:
    head = fitted(examples_of(["jazz", "rock", "punk"] * 6, ["a", "b"] * 9))
    embedding = examples_of(["punk"], ["a"])[0].embedding

    np.testing.assert_allclose(head.cooled(2.0).logits(embedding), head.logits(embedding) / 2, rtol=1e-9)


@pytest.mark.parametrize(
    ("genres", "groups", "why"),
    [
        (["jazz", "rock"], ["a", "a"], "all tracks are of one group"),
        (["jazz", "rock", "rock"], ["a", "b", "c"], "without the tracks of a there are not two genres left"),
        (["jazz", "jazz"], ["a", "b"], "without the tracks of"),
    ],
)
def test_tracks_that_nothing_can_be_tested_on_are_refused(genres: list[str], groups: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        out_of_fold(examples_of(genres, groups))
