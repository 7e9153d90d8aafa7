"""The day of ``benchmarks.capacity`` as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.evaluation.pictures import require_plots

if TYPE_CHECKING:
    from benchmarks.capacity import Day

_EVERY_S: Final = 15
# From, to, and a tick every so many.
_DAY_H: Final = (0, 24, 6)
_PEAK_H: Final = (17, 21, 1)
_INK, _FAINT, _BLUE, _RED = "#222222", "#9a9a9a", "#1f5fa8", "#c8553d"


def draw(day: "Day", path: Path, *, title: str) -> None:
    """Arrivals, lag, replicas and latency, one below the other: over the whole day, and beside it about the peak."""
    require_plots()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8.5), layout="constrained")
    panels = figure.subplots(4, 2, sharex="col", sharey="row", width_ratios=(2, 3))
    figure.suptitle(title, color=_INK)
    for column, (first, last, every) in enumerate((_DAY_H, _PEAK_H)):
        _draw_hours(day, panels[:, column])
        panels[-1, column].set_xlim(first, last)
        panels[-1, column].set_xticks(range(first, last + 1, every))
        panels[-1, column].set_xlabel("hour of the day")
    names = ("tracks/s arriving", "lag, offsets", "replicas", "seconds to the label,\nof tracks that come then")
    for axes, name in zip(panels[:, 0], names, strict=True):
        axes.set_ylabel(name)
        axes.set_ylim(bottom=0)
    panels[2, 0].set_yticks(range(0, 13, 3))
    panels[1, 1].legend(frameon=False, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_hours(day: "Day", panels: Any) -> None:  # noqa: ANN401 - an array of matplotlib's axes
    hours = [second / 3600 for second in range(0, len(day.arrivals), _EVERY_S)]
    arriving, lag, replicas, latency = panels
    _line(arriving, hours, day.arrivals, _INK, "")
    for axes, what in ((lag, "lag"), (replicas, "replicas")):
        for name, stage, color in (("extractor", day.extractor, _BLUE), ("classifier", day.classifier, _RED)):
            _line(axes, hours, getattr(stage, what), color, name)
    _line(latency, hours, day.latency_s, _INK, "")
    for axes in panels:
        axes.grid(color=_FAINT, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)


def _line(axes: Any, hours: Sequence[float], values: Sequence[float], color: str, label: str) -> None:  # noqa: ANN401
    """The largest of each stretch, so that a short peak is seen."""
    peaks = [max(values[start : start + _EVERY_S]) for start in range(0, len(values), _EVERY_S)]
    axes.plot(hours, peaks, color=color, label=label, linewidth=1.2)
