"""Embeddings of labels: made compact, compared, and what is done where there are none."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.catalog_events import label, labeled
from workers.catalog.catalogue import Catalogue
from workers.catalog.changes import change_of
from workers.catalog.columns import Columns
from workers.catalog.embeddings import WIDTH, compact
from workers.catalog.rows import Vocabulary, row_of
from workers.catalog.similarity import EMBEDDINGS, GENRES, WEIGHTS, seed_of, similarities
from workers.catalog.store import Store

A, B, C = (4.0, 0.0, 1.0), (0.0, 2.0, 1.0), (1.0, 1.0, 1.0)
VERSIONS = {"ensemble": "e", "features": "1", "taxonomy": "1"}


def encoded(values: Any) -> str:
    return base64.b64encode(np.array(values, "<f2").tobytes()).decode()


def cosine(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def columns_of(**tracks: dict[str, Any]) -> Columns:
    columns = Columns(Vocabulary())
    for n, (track_id, changes) in enumerate(tracks.items(), start=1):
        columns.put(row_of(track_id, label(track_id, n, **changes), columns.vocabulary))
    return columns


def scores(columns: Columns, track_id: str, weights: dict[str, float]) -> list[float]:
    row = columns.row(columns.slot_of(track_id) or 0)
    return [round(float(score), 4) for score in similarities(columns, seed_of(columns, [row]), weights)]


def expected(*vectors: tuple[float, ...]) -> list[float]:
    """Cosines of the first with each, of unit vectors less their mean."""
    units = np.array([np.array(one) / np.linalg.norm(one) for one in vectors])
    centred = units - units.mean(axis=0)
    return [max(cosine(centred[0], one), 0.0) for one in centred]


def test_a_wide_embedding_keeps_its_cosines_about() -> None:
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((40, 1280)) + 2 * rng.standard_normal((1, 1280))
    narrow = [compact(encoded(one)) for one in wide]

    errors = []
    for one, other, n, m in zip(wide, wide[1:], narrow, narrow[1:], strict=False):
        assert n is not None
        assert m is not None
        assert n.size == WIDTH
        errors.append(cosine(n.astype(float), m.astype(float)) - cosine(one, other))
    assert np.sqrt(np.mean(np.square(errors))) < WIDTH**-0.5


@pytest.mark.parametrize(
    "text", [None, "", "no base64!", "AAA=", encoded([np.nan, 1]), encoded([0, 0]), encoded([0.5] * 9000)]
)
def test_what_is_no_embedding_is_none(text: str | None) -> None:
    assert compact(text) is None


def test_similarity_by_embeddings_is_the_cosine_of_what_is_not_common_to_all() -> None:
    columns = columns_of(a={"embedding": encoded(A)}, b={"embedding": encoded(B)}, c={"embedding": encoded(C)})

    assert scores(columns, "a", {EMBEDDINGS: 1.0}) == pytest.approx(expected(A, B, C), abs=1e-3)
    columns.remove("b")
    assert scores(columns, "a", {EMBEDDINGS: 1.0})[2] == pytest.approx(expected(A, C)[1], abs=1e-3)
    columns.put(row_of("c", label("c", 4, embedding=encoded(B)), columns.vocabulary))
    columns.put(row_of("d", label("d", 5, embedding=encoded(C)), columns.vocabulary))
    assert scores(columns, "a", {EMBEDDINGS: 1.0}) == pytest.approx([1.0, *expected(A, C, B)[1:]], abs=1e-3)


def test_without_an_embedding_the_other_evidence_counts() -> None:
    columns = columns_of(
        a={"embedding": encoded(A)},
        bare={},
        other={"embedding": encoded(A), "versions": VERSIONS | {"ensemble_digest": "1" * 64}},
        b={"embedding": encoded(B)},
    )
    bare = columns_of(a={}, bare={}, other={}, b={})

    found, without = scores(columns, "a", dict(WEIGHTS)), scores(bare, "a", dict(WEIGHTS))
    assert found[:3] == without[:3] == [1.0, 1.0, 1.0]
    assert found[3] == pytest.approx(0.5, abs=1e-3)  # as like as can be but for the embedding, which is not
    assert scores(columns, "bare", dict(WEIGHTS)) == scores(bare, "bare", dict(WEIGHTS))
    assert scores(columns, "a", {GENRES: 1.0}) == scores(bare, "a", {GENRES: 1.0})


def test_embeddings_are_there_after_a_restart(tmp_path: Path) -> None:
    found = []
    for n in (1, 2):
        store = Store(tmp_path / "catalog.duckdb")
        catalogue = Catalogue(store, now_ms=0)
        if n == 1:
            records = [
                labeled(name, k, embedding=encoded(one)) for k, (name, one) in enumerate((("a", A), ("b", B)), 1)
            ]
            catalogue.take_in([change_of(record) for record in records], "cluster", {})  # type: ignore[misc]
        with catalogue.reading() as columns:
            found.append(scores(columns, "a", {EMBEDDINGS: 1.0}))
        store.close()
    assert found[0] == found[1] == [1.0, 0.0]
