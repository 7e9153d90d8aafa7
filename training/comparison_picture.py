"""Losses by seeds as a picture: every member a dot, every loss and the ensemble with their intervals."""

from pathlib import Path
from typing import Final

from shared.evaluation.pictures import require_plots
from training.comparison import Comparison, loss_and_seed

_INK, _BLUE, _RED, _FAINT = "#222222", "#1f5fa8", "#c8553d", "#9a9a9a"
_TITLES: Final = {"roc_auc": "ROC-AUC, macro", "pr_auc": "PR-AUC, macro"}


def draw_comparison(comparison: Comparison, path: Path) -> None:
    """Draw both macro scores, as a PNG.

    Raises: InvalidSettingError where there is no matplotlib.
    """
    require_plots()
    from matplotlib.figure import Figure

    means = [row for row in comparison.rows if row.kind != "member"]
    names = [row.name for row in means]
    figure = Figure(figsize=(9.6, 1.4 + 0.42 * len(names)), layout="constrained")
    for axes, (score, title) in zip(figure.subplots(1, len(_TITLES), sharey=True), _TITLES.items(), strict=True):
        for place, row in enumerate(means):
            found = row.intervals[score]
            colour = _RED if row.kind == "ensemble" else _BLUE
            axes.plot([found.low, found.high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot(found.value, place, "o", color=colour, markersize=7)
        for row in comparison.rows:
            if row.kind == "member":
                place = names.index(loss_and_seed(row.name)[1])
                axes.plot(row.intervals[score].value, place + 0.22, ".", color=_FAINT, markersize=7)
        axes.set_title(title, loc="left", fontsize=10, color=_INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
        axes.set_axisbelow(True)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    figure.supxlabel(
        f"{comparison.n_tracks} test tracks, {comparison.n_tags} tags; lines: 95 % of resampled tracks; "
        "grey: single members",
        fontsize=8,
    )
    figure.savefig(path, dpi=160)
