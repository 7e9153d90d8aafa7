"""Whether neighbours share a genre: `needledrop label FOLDER --json | python -m benchmarks.neighbours LABELS.tsv`.

LABELS.tsv has columns `file` and `genre`, as for `needledrop evaluate`. Each clip asks for its nearest others; clips
whose genre nobody shares are answers only. The peers in the same run: each kind of evidence alone, and chance. With
NEEDLEDROP_MODELS_EMBEDDING=MSD_musicnn/embedding the labels carry embeddings.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.events import TrackLabeled
from workers.catalog.columns import Columns
from workers.catalog.rows import Vocabulary, row_of
from workers.catalog.similarity import EMBEDDINGS, FEATURES, GENRES, TAGS, WEIGHTS, seed_of, similarities

_KS = (1, 3, 5)
_OURS, _BESIDE = "all but embeddings", "tags alone"
_N_SIGNS = 100_000
# What a label has besides its result; none of it is compared.
_AROUND = {
    "submission": {
        "submission_id": "s",
        "submitted_at": "2026-01-01T00:00:00Z",
        "uri": "file:///",
        "coordinates": {"topic": "tracks.submitted.v1", "partition": 0, "offset": 0},
    },
    "labeled_at": "2026-01-01T00:00:00Z",
    "from_cache": False,
    "timings": {},
}


def main() -> None:
    """Read labels from standard input and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path)
    with parser.parse_args().labels.open(encoding="utf-8", newline="") as file:
        truth = {row["file"]: row["genre"] for row in csv.DictReader(file, delimiter="\t")}
    columns, genres = Columns(Vocabulary()), []
    for line in sys.stdin:
        found = json.loads(line)
        name = Path(found["path"]).name
        if name in truth:
            label = TrackLabeled.model_validate({"track_id": name} | _AROUND | found)
            columns.put(row_of(name, label, columns.vocabulary))
            genres.append(truth[name])
    _report(columns, np.array(genres))


def _report(columns: Columns, genres: NDArray[np.str_]) -> None:
    same = genres[:, None] == genres[None, :]
    np.fill_diagonal(same, val=False)
    asking = same.any(axis=1)
    chance = same[asking].sum() / (asking.sum() * (len(genres) - 1))
    print(f"{len(genres)} clips, {asking.sum()} of them ask; chance {chance:.3f}")
    print("similarity by      | " + " | ".join(f"of {k} nearest" for k in _KS) + " | average precision")
    measured: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, weights in {
        "all (default)": WEIGHTS,
        "all but embeddings": {name: weight for name, weight in WEIGHTS.items() if name != EMBEDDINGS},
        "embeddings alone": {EMBEDDINGS: 1.0},
        "genres alone": {GENRES: 1.0},
        "tags alone": {TAGS: 1.0},
        "features alone": {FEATURES: 1.0},
    }.items():
        table = np.array(
            [similarities(columns, seed_of(columns, [columns.row(n)]), weights) for n in range(len(genres))]
        )
        np.fill_diagonal(table, -1)
        hits = np.take_along_axis(same, np.argsort(-table, axis=1, kind="stable"), axis=1)[asking]
        precision = np.cumsum(hits, axis=1) / np.arange(1, len(genres) + 1)
        average = np.array([row[hit].mean() for row, hit in zip(precision, hits, strict=True)])
        by_clip = {f"of {k} nearest": hits[:, :k].mean(axis=1) for k in _KS} | {"average precision": average}
        measured[name] = by_clip
        print(f"{name:18} | " + " | ".join(f"{values.mean():{len(column)}.3f}" for column, values in by_clip.items()))
    for column, values in measured[_OURS].items():
        apart = values - measured[_BESIDE][column]
        p = chance_of(apart)
        print(f"{_OURS} over {_BESIDE}, {column}: {apart.mean():+.3f}, {(apart > 0).sum()} clips better, ", end="")
        print(f"{(apart < 0).sum()} worse; by chance so much with p = {p:.4f}")


def chance_of(apart: NDArray[np.float64]) -> float:
    """How likely a mean difference of clips as large as this one is where neither side is better.

    A permutation test for pairs: each difference may as well have the other sign. One-sided; for ``apart`` of shape
    (n_clips,), from 100,000 random choices of signs, this one counted among them.
    """
    signs = np.random.default_rng(1).choice([-1.0, 1.0], size=(_N_SIGNS, apart.size))
    return float((1 + np.count_nonzero(signs @ apart >= apart.sum() - 1e-9)) / (1 + _N_SIGNS))


if __name__ == "__main__":
    main()
