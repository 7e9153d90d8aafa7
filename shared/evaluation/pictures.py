"""Scores as pictures. The only module that knows matplotlib, which comes with the extra `plots`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.evaluation.genre_scores import GenreScores, ReliabilityBin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 160
_INK, _FAINT, _BLUE, _WRONG = "#222222", "#9a9a9a", "#1f5fa8", "#c8553d"
_Z = 1.96  # of a 95 % interval


def require_plots() -> None:
    """Raises InvalidSettingError, saying what to install, where there is no matplotlib."""
    try:
        import matplotlib as mpl  # noqa: F401 - whether it is there is the question, before an hour of labelling
    except ImportError as error:
        raise InvalidSettingError(
            "pictures need matplotlib, which is not installed: pip install 'needledrop[plots]', or leave out --out"
        ) from error


def draw_confusion(scores: GenreScores, path: Path) -> None:
    """What is said (columns) of tracks of each genre (rows), as a PNG; shades are shares of the row, numbers tracks."""
    require_plots()
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    said = scores.confusion.sum(axis=0)
    columns = [i for i, g in enumerate(scores.genres) if said[i] or g in scores.true_genres]
    names = [scores.genres[i] for i in columns]
    rows = [scores.true_genres.index(g) for g in [*names, *scores.true_genres] if g in scores.true_genres]
    rows = list(dict.fromkeys(rows))  # in the order of the columns; those that cannot be heard come last
    counts = scores.confusion[np.ix_(rows, columns)]
    n_true = counts.sum(axis=1)
    figure = Figure(figsize=(2.4 + 0.52 * len(columns), 1.9 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts / n_true[:, None], cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    for i, j in zip(*np.nonzero(counts), strict=True):
        light = counts[i, j] > 0.5 * n_true[i]
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", color="white" if light else _INK, fontsize=10)
    for i, row in enumerate(rows):
        if scores.true_genres[row] in names:
            right = (names.index(scores.true_genres[row]) - 0.5, i - 0.5)
            axes.add_patch(Rectangle(right, 1, 1, fill=False, edgecolor=_INK, linewidth=1.4, zorder=3, clip_on=False))
    deaf = " (cannot be heard)"
    axes.set_yticks(
        range(len(rows)),
        [
            f"{genre}{'' if genre in scores.genres else deaf}  {n}"
            for genre, n in zip((scores.true_genres[row] for row in rows), n_true, strict=True)
        ],
    )
    axes.set_xticks(range(len(columns)), names, rotation=45, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    _grid_between_cells(axes, counts.shape)
    axes.set_ylabel("true genre, tracks")
    axes.set_xlabel(
        f"said first   ({scores.n} tracks, top-1 {scores.top1:.0%}, balanced {scores.balanced_accuracy:.0%})"
    )
    figure.savefig(path, dpi=_DPI)


def draw_reliability(scores: GenreScores, path: Path) -> None:
    """How often tracks are labelled right (with 95 % intervals) at each probability of their first genre, as a PNG."""
    require_plots()
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    bins = scores.reliability
    confidence, accuracy = np.array([b.confidence for b in bins]), np.array([b.accuracy for b in bins])
    limits = np.array([_wilson(b) for b in bins])
    figure = Figure(figsize=(5.4, 6.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot([0, 1], [0, 1], color=_FAINT, linestyle="--", linewidth=1, label="as probable as said")
    gap = "gap, which ECE averages over tracks"
    above.vlines(confidence, confidence, accuracy, color=_WRONG, linewidth=5, alpha=0.5, label=gap)
    # An interval may lie beside its estimate by rounding, at 0 and 1.
    beyond = np.maximum(0.0, np.abs(limits.T - accuracy))
    above.errorbar(
        confidence,
        accuracy,
        yerr=beyond,
        fmt="o",
        color=_BLUE,
        ecolor=_BLUE,
        elinewidth=1,
        capsize=3,
        markersize=6,
        label="share labelled right, 95 % interval",
    )
    above.set(ylim=(-0.03, 1.03), ylabel="labelled right")
    interval = scores.intervals.get("ece")
    between = f" (95 %: {interval.low:.2f} to {interval.high:.2f})" if interval else ""
    above.set_title(f"ECE {scores.ece:.2f}{between}, {scores.n} tracks", fontsize=11, color=_INK)
    below.bar([b.low for b in bins], [b.n for b in bins], width=0.1, align="edge", color=_BLUE, edgecolor="white")
    below.set(xlim=(0, 1), xlabel="probability of the first genre", ylabel="tracks")
    below.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    below.xaxis.set_major_formatter(PercentFormatter(1.0))
    above.yaxis.set_major_formatter(PercentFormatter(1.0))
    figure.legend(loc="outside lower center", frameon=False, fontsize=9, ncols=1)
    figure.savefig(path, dpi=_DPI)


def _grid_between_cells(axes: "Axes", shape: tuple[int, ...]) -> None:
    axes.set_xticks(np.arange(-0.5, shape[1]), minor=True)
    axes.set_yticks(np.arange(-0.5, shape[0]), minor=True)
    axes.grid(which="minor", color="#e4e4e4", linewidth=0.8)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _wilson(of: ReliabilityBin) -> NDArray[np.float64]:
    """Wilson's interval of a share, which stays within 0 and 1 for few tracks (Wilson, JASA 22, 1927)."""
    middle = (of.accuracy + _Z**2 / (2 * of.n)) / (1 + _Z**2 / of.n)
    half = _Z / (1 + _Z**2 / of.n) * np.sqrt(of.accuracy * (1 - of.accuracy) / of.n + _Z**2 / (4 * of.n**2))
    return np.array([middle - half, middle + half])
