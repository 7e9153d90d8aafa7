"""How scores look to a person."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from shared.evaluation.evaluation import Evaluation, Share
from shared.evaluation.genre_scores import GenreScores
from workers.cli.console import out

if TYPE_CHECKING:
    from shared.evaluation.tagging_scores import TaggingScores

_N_CONFUSED = 5
_SCORES: Mapping[str, str] = {
    "top1": "top-1",
    "top3": "top-3",
    "balanced_accuracy": "balanced accuracy (macro top-1)",
    "macro_top3": "macro top-3",
    "macro_f1": "macro F1",
    "group_top1": "top-1, mean over groups",
    "group_top3": "top-3, mean over groups",
    "ece": "calibration error (ECE)",
    "ece_by_chance": "ECE of true probabilities",
}


def show_evaluation(evaluation: Evaluation) -> None:
    """All scores, genre by genre, and what is confused."""
    shown = {f"all {evaluation.scores.n} tracks": evaluation.scores}
    if evaluation.inaudible:
        out.print(
            f"[yellow]The ensemble has no word for {', '.join(evaluation.inaudible)}:[/] "
            f"{evaluation.scores.n_inaudible} of {evaluation.scores.n} tracks are missed whatever they sound like."
        )
        if evaluation.audible:
            shown[f"the {evaluation.audible.n} it can hear"] = evaluation.audible
    out.print(_score_table(shown))
    out.print(_genre_table(evaluation.scores))
    confused = evaluation.scores.most_confused(_N_CONFUSED)
    if confused:
        pairs = ", ".join(f"{said} of {true} ({n})" for true, said, n in confused)
        out.print(f"Most confused: says {pairs}.")
    out.print(f"Sure of {_share(evaluation.sure)}; unsure of {_share(evaluation.unsure)}.")


def show_tagging(
    by_model: Mapping[str, "TaggingScores"], names: tuple[str, ...] | None, *, thresholds_given: bool
) -> None:
    """Multi-label scores of each model; tag by tag for the last of them, where tags have names."""
    kind = "F1" if thresholds_given else "best F1"
    table = _table("", *(f"{score} {mean}" for score in ("ROC-AUC", "PR-AUC", kind) for mean in ("macro", "micro")))
    for model, s in by_model.items():
        values = (s.roc_auc_macro, s.roc_auc_micro, s.pr_auc_macro, s.pr_auc_micro, s.f1_macro, s.f1_micro)
        table.add_row(escape(model), *(_number(value, 4) for value in values))
    out.print(table)
    if not thresholds_given:
        out.print(
            "[dim]Best F1: thresholds chosen on these very tracks, so an upper bound; an array `thresholds` in the "
            "file brings those chosen on others.[/]"
        )
    if names:
        model, s = list(by_model.items())[-1]
        tags = _table(f"tag ({escape(model)})", "ROC-AUC", "PR-AUC", kind)
        f1 = s.f1 if s.f1 is not None else [math.nan] * len(names)
        for name, *of_tag in zip(names, s.roc_auc, s.pr_auc, f1, strict=True):
            tags.add_row(escape(name), *(_number(value, 4) for value in of_tag))
        out.print(tags)


def _score_table(shown: Mapping[str, GenreScores]) -> Table:
    table = _table("", *(column for name in shown for column in (name, "95 %")))
    for field, title in _SCORES.items():
        if any(getattr(scores, field) is not None for scores in shown.values()):
            cells: list[str] = []
            for scores in shown.values():
                interval = scores.intervals.get(field)
                cells.append(_number(getattr(scores, field), 3))
                cells.append(f"{interval.low:.2f} to {interval.high:.2f}" if interval else "")
            table.add_row(title, *cells)
    return table


def _genre_table(scores: GenreScores) -> Table:
    table = _table("genre", "tracks", "said", "precision", "recall", "in top 3", "F1")
    for genre in sorted(scores.per_genre, key=lambda g: (-g.n_true, g.genre)):
        name = genre.genre if genre.genre in scores.genres else f"[yellow]{genre.genre}[/]"
        ratios = (genre.precision, genre.recall, genre.top3_recall, genre.f1)
        table.add_row(name, str(genre.n_true), str(genre.n_said), *(_number(ratio, 2) for ratio in ratios))
    return table


def _share(share: Share) -> str:
    return "no track" if not share.n else f"{share.n} tracks, of which {share.right:.0%} are right"


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, padding=(0, 2, 0, 0))
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else "-" if math.isnan(value) else f"{value:.{digits}f}"
