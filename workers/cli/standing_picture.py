"""What `top` shows: a table of the stages, and a line for the whole."""

from typing import Final

from rich.console import Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from workers.cli.label_lines import bar
from workers.cli.standing import WINDOW_S, StageStanding, Standing

_BUSY_CELLS: Final = 10
# What is on its way is no backlog: workers commit, and measure their lag, about once a second.
_BACKLOG_FROM_S: Final = 5.0


def picture(standing: Standing) -> Panel:
    """All of it, for a terminal of 80 columns or more."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("stage", "records/s", "lag", "busy", "p50", "p99", "failed"):
        table.add_column(name, justify="left" if name in ("stage", "busy") else "right", no_wrap=True)
    for stage in standing.stages:
        table.add_row(*_row(stage))
    remarks = [line for stage in standing.stages for line in _remarks(stage)]
    lines = (Text(), *_summary(standing), _genres(standing), *remarks, *map(_away, standing.silent))
    return Panel(
        Group(table, *lines),
        title="needledrop",
        subtitle=f"[dim]over the last {WINDOW_S:.0f} s; failures since the start of `top`[/]",
        border_style="dim",
    )


def _row(stage: StageStanding) -> list[Text | str]:
    name = stage.stage if stage.n_workers == 1 else f"{stage.stage} x{stage.n_workers}"
    return [
        Text(name, style="bold"),
        f"{stage.per_s:,.1f}",
        Text(f"{stage.lag:,}", style="yellow" if _is_backlog(stage.left_s) else "dim"),
        _busy(stage),
        _seconds(stage.p50_s),
        _seconds(stage.p99_s),
        Text(f"{sum(stage.failures.values()):,}", style="red" if stage.failures else "dim"),
    ]


def _busy(stage: StageStanding) -> Text:
    if not stage.in_flight_limit:  # trends takes what comes
        return Text("-", style="dim")
    share = min(stage.n_in_flight / stage.in_flight_limit, 1.0)
    return Text(bar(share, _BUSY_CELLS), style="cyan") + Text(f" {stage.n_in_flight}", style="dim")


def _remarks(stage: StageStanding) -> list[Text]:
    remarks = []
    if stage.held_back:
        remarks.append(Text(f"{stage.stage} waits for the next stage", style="yellow"))
    if stage.failures:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in stage.failures.items())
        remarks.append(Text(f"{stage.stage} failed {reasons}", style="red"))
    return remarks


def _summary(standing: Standing) -> list[Text]:
    """Two lines: what comes out, and what it costs."""
    out = [f"{standing.labels_per_s:,.1f} labels/s"]
    if standing.p50_s is not None:
        out.append(f"submission to outcome p50 {_seconds(standing.p50_s)}, p99 {_seconds(standing.p99_s)}")
    cost = [_backlog(standing.left_s)]
    if standing.cache_hits is not None:
        cost.append(f"cache hits {standing.cache_hits:.0%}")
    if standing.unsure is not None:
        cost.append(f"unsure {standing.unsure:.0%}")
    redis = Text("   Redis is away", style="red") if standing.cache_unavailable else Text()
    return [Text("   ".join(out)), Text("   ".join(cost)) + redis]


def _is_backlog(left_s: float | None) -> bool:
    return left_s is None or left_s >= _BACKLOG_FROM_S


def _backlog(left_s: float | None) -> str:
    if left_s is None:
        return "backlog does not move"
    return f"backlog done in {_duration(left_s)}" if _is_backlog(left_s) else "no backlog"


def _genres(standing: Standing) -> Text:
    return Text("   ".join(f"{genre} {share:.0%}" for genre, share in standing.genres), style="green")


def _away(address: str) -> Text:
    return Text.from_markup(f"[red]{escape(address)} does not answer[/]")


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else _duration(seconds)


def _duration(seconds: float) -> str:
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
