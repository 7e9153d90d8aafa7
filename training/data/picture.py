"""The tags of a data set as a picture: how long its tail is."""

from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from shared.evaluation.pictures import require_plots
from training.data.report import Part, Report

_COLOURS: Final = {Part.HEAD: "#1f5fa8", Part.MIDDLE: "#7fa8d1", Part.TAIL: "#c8553d"}
_MOST_NAMED: Final = 80  # more names than that cannot be read


def draw_tags(report: Report, path: Path) -> None:
    """Draw the counts of all tags, the most frequent first, on a logarithmic scale, as a PNG.

    Raises: InvalidSettingError where there is no matplotlib, or the file cannot be written.
    """
    require_plots()
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    tags = report.tags
    named = len(tags) <= _MOST_NAMED
    figure = Figure(figsize=(max(6.0, 0.17 * min(len(tags), _MOST_NAMED)), 4.2), layout="constrained")
    axes = figure.subplots()
    axes.bar(
        range(len(tags)),
        [tag.n_tracks for tag in tags],
        width=0.8 if named else 1.0,
        color=[_COLOURS[tag.part] for tag in tags],
    )
    axes.set_yscale("log")
    axes.set_ylabel("tracks")
    axes.set_xlim(-0.7, len(tags) - 0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if named:
        axes.set_xticks(range(len(tags)), [tag.tag for tag in tags], rotation=90, fontsize=7)
    else:
        axes.set_xlabel(f"{len(tags)} tags, the most frequent first")
    legend = [
        Patch(color=_COLOURS[part], label=f"{part}: {sum(tag.part is part for tag in tags)} tags") for part in Part
    ]
    axes.legend(handles=legend, frameon=False)
    axes.set_title(f"{report.form}: {report.n_usable} tracks, {report.n_labels} labels", loc="left", fontsize=10)
    try:
        figure.savefig(path, dpi=160, format="png")
    except OSError as error:
        raise InvalidSettingError(f"cannot write {path}: {error.strerror or error}") from error
