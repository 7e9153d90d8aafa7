"""Fits a genre head: standardised embeddings, a linear layer, softmax; calibrated by a temperature.

Every patch of a track is an example that weighs 1 / (patches of its track), and genres weigh the same however many
tracks they have. The linear layer is multinomial logistic regression (scikit-learn's).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Inverse strength of the weights' prior, for standardised inputs. Embeddings have hundreds of columns and folders of
# labelled music hundreds of tracks: weights must stay small. It is not tuned on the tracks it is fitted to.
INVERSE_REGULARISATION = 0.01
_ITERATIONS = 500
TEMPERATURES = np.geomspace(0.25, 4.0, 25)
SURE = 1e-6  # no genre is less probable than this, so that one mistake does not cost infinitely much


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A labelled track.

    Attributes:
        embedding: (n_patches, width).
        genre: the true one.
        group: what it shares with other tracks (artist, source): those are never on both sides of a test.
    """

    embedding: NDArray[np.float32]
    genre: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenreHead:
    """What was fitted: ``softmax(((embedding - mean) / scale) @ weights + bias)``, temperature included.

    Attributes:
        genres: in the order of the columns.
        mean, scale: (width,).
        weights: (width, n_genres).
        bias: (n_genres,).
    """

    genres: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    def logits(self, embedding: NDArray[np.float32]) -> Floats:
        """Of patches (n_patches, width): (n_patches, n_genres)."""
        logits: Floats = ((embedding.astype(np.float64) - self.mean) / self.scale) @ self.weights + self.bias
        return logits

    def cooled(self, temperature: float) -> "GenreHead":
        """The same head, its logits divided by a temperature."""
        return GenreHead(
            genres=self.genres,
            mean=self.mean,
            scale=self.scale,
            weights=self.weights / temperature,
            bias=self.bias / temperature,
        )


def fitted(examples: Sequence[Example]) -> GenreHead:
    """Fit a head, not calibrated yet. Raises: ValueError with less than two genres."""
    from sklearn.linear_model import LogisticRegression  # takes a second to load

    genres = sorted({example.genre for example in examples})
    if len(genres) < 2:
        raise ValueError(f"a head needs tracks of two genres at least, there is {', '.join(genres) or 'no track'}")
    patches = np.concatenate([example.embedding for example in examples]).astype(np.float64)
    truth = np.concatenate([[genres.index(example.genre)] * len(example.embedding) for example in examples])
    of_track = np.concatenate([[1 / len(example.embedding)] * len(example.embedding) for example in examples])
    by_genre = np.bincount(truth, weights=of_track)
    weights = (of_track / by_genre[truth]) * (len(examples) / len(genres))
    mean, scale = patches.mean(axis=0), patches.std(axis=0)
    scale[scale <= 1e-9 * np.abs(mean) + 1e-12] = 1.0  # a column that never changes says nothing, and stays zero
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=_ITERATIONS)
    model.fit((patches - mean) / scale, truth, sample_weight=weights)
    columns, bias = model.coef_.T, model.intercept_
    if len(genres) == 2:
        columns, bias = np.hstack([-columns / 2, columns / 2]), np.concatenate([-bias / 2, bias / 2])
    return GenreHead(genres=tuple(genres), mean=mean, scale=scale, weights=columns, bias=bias)


def softmax(logits: Floats) -> Floats:
    """Over the last axis; -inf is allowed."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = odds / odds.sum(axis=-1, keepdims=True)
    return probabilities


def track_log_loss(logits: Sequence[Floats], truth: Sequence[int], temperature: float) -> float:
    """Mean over tracks of -log of the true genre's probability, which is the mean over a track's patches."""
    said = [softmax(of_track / temperature).mean(axis=0)[genre] for of_track, genre in zip(logits, truth, strict=True)]
    return float(-np.log(np.maximum(said, SURE)).mean())


def best_temperature(logits: Sequence[Floats], truth: Sequence[int]) -> float:
    """The temperature with the least log loss on tracks that the logits were not fitted to."""
    losses = [track_log_loss(logits, truth, temperature) for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])
