"""Draws the dashboards from a Prometheus, for those without Grafana: `python -m deploy.grafana.draw --help`.

It reads the dashboards' files and lays their panels out as Grafana does, so what is wrong here is wrong there.
"""

import argparse
import io
import itertools
import json
import math
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image

from deploy.grafana.queries import Query, choices, legend_of, pages, queries_of

Series = tuple[str, Sequence[float], Sequence[float]]
"""Legend, moments (seconds since 1970), values; NaN where there is a gap."""


@dataclass(frozen=True)
class Asking:
    """Asks a Prometheus about a span of time."""

    ask: Callable[[str], list[dict[str, Any]]]
    """A range query: series with `metric` and `values`, as its API has them."""
    begin: float
    """Seconds since 1970."""
    end: float
    step_s: float
    rate_interval: str
    """What `$__rate_interval` is, as Prometheus writes times."""

    def series(self, query: Query) -> list[Series]:
        """What it says, with gaps where it says nothing."""
        return [(legend_of(query, one["metric"]), *self._numbers(one["values"])) for one in self.ask(query.expression)]

    def _numbers(self, values: Sequence[tuple[float, str]]) -> tuple[list[float], list[float]]:
        known = [(at, float(value)) for at, value in values if value != "NaN"]
        found = known[:1]
        for (before, _), (at, value) in itertools.pairwise(known):
            if at - before > 1.5 * self.step_s:
                found.append((before + self.step_s, math.nan))
            found.append((at, value))
        return [at for at, _ in found], [value for _, value in found]


_COLUMNS: Final = 24  # of Grafana's grid
_UNIT_INCHES: Final = (0.36, 0.33)  # of that grid
_HEAD_UNITS: Final = 3
_N_POINTS: Final = 240  # of a line; a panel is some 200 pixels wide
_ANSWER_WITHIN_S: Final = 30.0
_SHOWN_LEGENDS: Final = 6
_ROOM_FOR_LEGEND: Final = 1.3
_DOTS_PER_INCH: Final = 90
_N_PICTURE_COLORS: Final = 64  # of lines and areas: a third of the bytes
_TEXT: Final = "#333333"
_COLORS: Final = (
    "#3274d9", "#56a64b", "#e0b400", "#e02f44", "#8f3bb8", "#ff780a", "#37872d", "#5794f2", "#b877d9", "#f2cc0c",
)  # fmt: skip
_STATES: Final = {"green": "#37872d", "yellow": "#c8a000", "red": "#c4162a"}


def draw(shown: Sequence[Sequence[tuple[dict[str, Any], str]]], asking: Asking) -> Figure:
    """Draw pages below each other, in columns.

    Args:
        shown: columns of pages, each with what its variable `$stage` is.
        asking: of whom.
    """
    heights = [sum(_units(page) + _HEAD_UNITS for page, _ in column) for column in shown]
    width, height = len(shown) * (_COLUMNS + 1), max(heights)
    figure = Figure(figsize=(width * _UNIT_INCHES[0], height * _UNIT_INCHES[1]))
    for number, column in enumerate(shown):
        top = 0
        for page, stage in column:
            at = (number * (_COLUMNS + 1) + 0.5, top)
            _page(figure, page, stage, at, (width, height), asking)
            top += _units(page) + _HEAD_UNITS
    return figure


def _units(page: Mapping[str, Any]) -> int:
    return max(int(panel["gridPos"]["y"]) + int(panel["gridPos"]["h"]) for panel in page["panels"])


def _page(
    figure: Figure,
    page: Mapping[str, Any],
    stage: str,
    at: tuple[float, float],
    size: tuple[int, int],
    asking: Asking,
) -> None:
    def place(x: float, y: float) -> tuple[float, float]:
        return (at[0] + x) / size[0], 1 - (at[1] + y) / size[1]

    title = f"{page['title']}: {stage}" if stage else page["title"]
    figure.text(*place(0, 1.6), title, fontsize=14, weight="bold", color=_TEXT)
    figure.text(*place(0, 2.5), page["description"], fontsize=9, color="#777777")
    for panel in page["panels"]:
        grid = panel["gridPos"]
        y = grid["y"] + _HEAD_UNITS
        if panel["type"] == "row":
            figure.text(*place(0, y + 0.8), panel["title"], fontsize=10, weight="bold", color="#3274d9")
            continue
        # Room for what stands beside the axes: title above, numbers at the left and below.
        left, bottom = place(grid["x"] + 1.3, y + grid["h"] - 0.7)
        right, top = place(grid["x"] + grid["w"] - 0.2, y + 1.0)
        axes = figure.add_axes((left, bottom, right - left, top - bottom))
        axes.set_title(panel["title"], fontsize=7.5, loc="left", color=_TEXT, pad=3)
        queries = queries_of(page, panel, stage, asking.rate_interval)
        series = [one for query in queries for one in asking.series(query)]
        if panel["type"] == "stat":
            _stat(axes, panel, series)
        else:
            _lines(axes, panel, series)
            axes.set_xlim(asking.begin, asking.end)


def _stat(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    """The last value, coloured by the panel's thresholds."""
    axes.axis("off")
    defaults = panel["fieldConfig"]["defaults"]
    values = [value for _, _, found in series for value in found[-1:]]
    if not values:
        axes.text(0.0, 0.4, "no data", fontsize=11, color="#999999", transform=axes.transAxes)
        return
    steps = defaults["thresholds"]["steps"]
    color = [step["color"] for step in steps if step["value"] is None or values[0] >= step["value"]][-1]
    shown = said(values[0], defaults["unit"])
    axes.text(0.0, 0.25, shown, fontsize=17, weight="bold", color=_STATES[color], transform=axes.transAxes)


def _lines(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series]) -> None:
    """Values over time, the largest first in the legend; those that stayed 0 are not named when there are many."""
    defaults = panel["fieldConfig"]["defaults"]
    ordered = sorted(series, key=lambda one: -_sum(one[2]))
    if len(ordered) > _SHOWN_LEGENDS:
        ordered = [one for one in ordered if _sum(one[2])]
    if defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal":
        _stack(axes, ordered)
    else:
        for number, (legend, at, values) in enumerate(ordered):
            axes.plot(at, values, linewidth=1.0, color=_COLORS[number % len(_COLORS)], label=legend)
    if not any(values for _, _, values in ordered):
        said_so = "0" if series else "no data"
        axes.text(0.5, 0.5, said_so, fontsize=10, color="#999999", ha="center", transform=axes.transAxes)
    axes.set_ylim(0, axes.get_ylim()[1] * _ROOM_FOR_LEGEND)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, defaults["unit"])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: time.strftime("%H:%M:%S", time.gmtime(at))))
    axes.locator_params(axis="x", nbins=panel["gridPos"]["w"] // 3)
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(labelsize=6, colors="#777777", length=2)
    axes.grid(color="#eeeeee", linewidth=0.6)
    for spine in axes.spines.values():
        spine.set_color("#dddddd")
    if any(legend for legend, _, _ in ordered):
        axes.legend(
            *_shortened_legend(axes), fontsize=6, loc="upper left", frameon=True, framealpha=0.7, edgecolor="none",
            handlelength=1.0, labelspacing=0.2, borderpad=0.2,
        )  # fmt: skip


def _sum(values: Sequence[float]) -> float:
    return sum(value for value in values if not math.isnan(value))


def _shortened_legend(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    return handles[:_SHOWN_LEGENDS], labels[:_SHOWN_LEGENDS]


def _stack(axes: Axes, series: Sequence[Series]) -> None:
    moments = sorted({at for _, times, _ in series for at in times})
    by_moment = [dict(zip(times, values, strict=True)) for _, times, values in series]
    if series:
        layers = [[found.get(at, 0.0) for at in moments] for found in by_moment]
        colors = [_COLORS[number % len(_COLORS)] for number in range(len(series))]
        axes.stackplot(moments, *layers, labels=[legend for legend, _, _ in series], colors=colors, alpha=0.75)


def said(value: float, unit: str) -> str:
    """A value in a unit, by Grafana's name of it."""
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if 0 < value < 1 else f"{value:.3g} s"
    if unit == "bytes":
        return f"{value / 2**20:,.0f} MiB"
    number = f"{value:.3g}" if value < 1000 else f"{value / 1000:.3g} k"
    return f"{number}/s" if unit == "ops" else number


def asking(prometheus: str, begin: float, end: float, rate_interval: str) -> Asking:
    """Asks the Prometheus at this address about the time from ``begin`` to ``end`` (seconds since 1970)."""
    step_s = max((end - begin) / _N_POINTS, 1.0)

    def ask(expression: str) -> list[dict[str, Any]]:
        parameters = {"query": expression, "start": f"{begin}", "end": f"{end}", "step": f"{step_s}"}
        url = f"{prometheus.rstrip('/')}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=_ANSWER_WITHIN_S) as answer:  # noqa: S310 - the user's own address
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    return Asking(ask, begin, end, step_s, rate_interval)


def save(asking: Asking, out: Path, *, stage: str) -> None:
    """All dashboards in one picture (PNG), in two columns of about the same height."""
    columns: list[list[tuple[dict[str, Any], str]]] = [[], []]
    for page in sorted(pages(), key=_units, reverse=True):
        shown = stage if choices(page) != [""] else ""
        min(columns, key=lambda column: sum(_units(one) for one, _ in column)).append((page, shown))
    columns.sort(key=lambda column: str(column[0][0]["uid"]))  # the overview is where one begins
    with io.BytesIO() as drawn:
        draw(columns, asking).savefig(drawn, dpi=_DOTS_PER_INCH, facecolor="white")
        Image.open(drawn).convert("RGB").quantize(_N_PICTURE_COLORS).save(out, format="PNG", optimize=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Draws needledrop's dashboards from a Prometheus into one picture.")
    parser.add_argument("--prometheus", default="http://localhost:9090", help="its address (%(default)s)")
    parser.add_argument("--minutes", type=float, default=60.0, help="the last so many (%(default)s)")
    parser.add_argument("--stage", default="extractor", help="of the page of a stage in depth (%(default)s)")
    parser.add_argument("--rate-interval", default="1m", help="4 times the scrape interval (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dashboards.png"), help="(%(default)s)")
    chosen = parser.parse_args()
    now = time.time()
    asked = asking(chosen.prometheus, now - chosen.minutes * 60, now, chosen.rate_interval)
    try:
        save(asked, chosen.out, stage=chosen.stage)
    except OSError as error:
        parser.error(f"{error}: does a Prometheus answer at {chosen.prometheus}, and may {chosen.out} be written?")


if __name__ == "__main__":
    main()
