"""The day of ``benchmarks.capacity`` as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shared.evaluation.pictures import require_plots

if TYPE_CHECKING:
    from benchmarks.capacity import Day

_EVERY_S: Final = 15
_INK, _FAINT, _BLUE, _RED = "#222222", "#9a9a9a", "#1f5fa8", "#c8553d"


def draw(day: "Day", path: Path, *, title: str) -> None:
    """Arrivals, lag, replicas and latency over the hours, one below the other, as a PNG."""
    require_plots()
    from matplotlib.figure import Figure

    hours = [second / 3600 for second in range(0, len(day.arrivals), _EVERY_S)]
    figure = Figure(figsize=(9, 8.5), layout="constrained")
    arriving, lag, replicas, latency = figure.subplots(4, 1, sharex=True)
    figure.suptitle(title, color=_INK)
    _line(arriving, hours, day.arrivals, _INK, "")
    arriving.set_ylabel("tracks/s arriving")
    for axes, what in ((lag, "lag"), (replicas, "replicas")):
        for name, stage, color in (("extractor", day.extractor, _BLUE), ("classifier", day.classifier, _RED)):
            _line(axes, hours, getattr(stage, what), color, name)
        axes.legend(frameon=False, loc="upper left")
    lag.set_ylabel("lag, offsets")
    replicas.set_ylabel("replicas")
    replicas.set_yticks(range(0, 13, 3))
    _line(latency, hours, day.latency_s, _INK, "")
    latency.set_ylabel("seconds to the label,\nof tracks that come then")
    latency.set_xlabel("hour of the day")
    latency.set_xticks(range(0, 25, 3))
    latency.set_xlim(0, 24)
    for axes in (arriving, lag, replicas, latency):
        axes.set_ylim(bottom=0)
        axes.grid(color=_FAINT, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _line(axes: Any, hours: Sequence[float], values: Sequence[float], color: str, label: str) -> None:  # noqa: ANN401
    """The largest of each stretch, so that a short peak is seen."""
    peaks = [max(values[start : start + _EVERY_S]) for start in range(0, len(values), _EVERY_S)]
    axes.plot(hours, peaks, color=color, label=label, linewidth=1.2)
