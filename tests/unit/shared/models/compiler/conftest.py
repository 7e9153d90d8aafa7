"""The published networks, compiled once; small networks of our own making."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from shared.models.bundle import Weights
from shared.models.compiler.ensemble import CompiledEnsemble, Network, compile_ensemble
from shared.models.graphs import EXPOSABLE
from shared.models.published import PUBLISHED, Architecture, published_weights

MakeNetwork = Callable[[Architecture, int], Network]

_FRONT_END = ((7, 38, 37), (7, 67, 18), (128, 1, 5), (64, 1, 16), (32, 1, 9))  # frames, bands, filters
_MID_END_FILTERS, _UNITS, _TAGS, _VGG_FILTERS = 20, 12, 6, (21, 49, 17, 34, 8)


@pytest.fixture(scope="session")
def published() -> list[Network]:
    """The four published networks."""
    return [Network(model, published_weights(model)) for model in PUBLISHED]


@pytest.fixture(scope="session")
def compiled(published: list[Network]) -> CompiledEnsemble:
    """All four in one graph, everything exposed."""
    exposed = [(n.model.name, role) for n in published for role in EXPOSABLE[n.model.architecture]]
    return compile_ensemble(published, exposed)


@pytest.fixture
def make_network() -> MakeNetwork:
    """Makes a network with fewer filters than the published ones, untrained, from a seed.

    Every other one (odd seeds) has a third of its filters as weak as weight decay leaves them, and batch norms of many
    sizes; half of all batch norms' scales are negative.
    """

    def make(architecture: Architecture, seed: int) -> Network:
        rng = np.random.default_rng(seed)
        weights = _musicnn_weights(rng) if architecture == "musicnn" else _vgg_weights(rng)
        if seed % 2:
            for name, values in weights.items():
                if name.endswith("/kernel") and values.ndim == 4:
                    weights[name] = np.where(rng.random(values.shape[-1]) < 0.33, 1e-12, 1).astype(np.float32) * values
                if name.endswith("/gamma") and values.size > 1:
                    weights[name] = (10 ** rng.uniform(-5, 0, values.shape)).astype(np.float32) * np.sign(values)
        template = next(model for model in PUBLISHED if model.architecture == architecture)
        return Network(dataclasses.replace(template, name=f"{architecture}_{seed}"), weights)

    return make


def _musicnn_weights(rng: np.random.Generator) -> Weights:
    weights = _norm(rng, 0, 1)
    blocks = [(kernel[:2], 1, kernel[2]) for kernel in _FRONT_END]
    n_features = sum(n_filters for *_, n_filters in _FRONT_END)
    blocks += [((7, n), 1, _MID_END_FILTERS) for n in (n_features, _MID_END_FILTERS, _MID_END_FILTERS)]
    for i, (size, n_inputs, n_filters) in enumerate(blocks):
        weights |= _layer(rng, f"conv2d_{i}" if i else "conv2d", (*size, n_inputs, n_filters))
        weights |= _norm(rng, i + 1, n_filters)
    n_pooled = 2 * (n_features + 3 * _MID_END_FILTERS)
    weights |= _norm(rng, 9, n_pooled) | _norm(rng, 10, _UNITS)
    return weights | _layer(rng, "dense", (n_pooled, _UNITS)) | _layer(rng, "dense_1", (_UNITS, _TAGS))


def _vgg_weights(rng: np.random.Generator) -> Weights:
    weights = _norm(rng, 0, 1)
    n_inputs = 1
    for number, n_filters in enumerate(_VGG_FILTERS, start=1):
        weights |= _layer(rng, f"{number}CNN", (3, 3, n_inputs, n_filters)) | _norm(rng, number, n_filters)
        n_inputs = n_filters
    return weights | _layer(rng, "dense", (2 * n_inputs, _TAGS))


def _layer(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Weights:
    kernel = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
    return {
        f"{name}/kernel": kernel.astype(np.float32),
        f"{name}/bias": (0.2 * rng.standard_normal(shape[-1])).astype(np.float32),
    }


def _norm(rng: np.random.Generator, number: int, size: int) -> Weights:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    sign = rng.choice([-1, 1], size) if number else 1
    values = {
        "gamma": sign * rng.uniform(0.5, 1.5, size),
        "beta": 0.3 * rng.standard_normal(size),
        "moving_mean": 0.5 * rng.standard_normal(size) + (0 if number else 2),
        "moving_variance": rng.uniform(0.5, 2, size),
    }
    return {f"{name}/{role}": value.astype(np.float32) for role, value in values.items()}
