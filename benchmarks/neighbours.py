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
        shares = [hits[:, :k].mean() for k in _KS]
        precision = np.cumsum(hits, axis=1) / np.arange(1, len(genres) + 1)
        average = np.mean([row[hit].mean() for row, hit in zip(precision, hits, strict=True)])
        print(f"{name:18} | " + " | ".join(f"{share:12.3f}" for share in shares) + f" | {average:.3f}")


if __name__ == "__main__":
    main()
