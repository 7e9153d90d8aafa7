"""The view as one HTML page that needs nothing from elsewhere; without scripts it is a snapshot."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from workers.trends.view import Period, Standing, View

_SCRIPT: Final = """
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main"));
  } catch {
    document.querySelector("[role=status]").textContent = "The trends worker does not answer; trying again.";
  }
}, 2000);
"""

# Names in the page come from closed sets and are escaped; this is for the day that one of us forgets.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'; "
    f"script-src 'sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'"
)

_TEMPLATE: Final = Template(files("workers.trends").joinpath("page.html").read_text("utf-8"))


def page(view: View) -> str:
    """The page."""
    return _TEMPLATE.substitute(
        standing=escape(_standing(view.standing)),
        minute=_column(view.minute, "The last minute"),
        hour=_column(view.hour, "The last hour"),
        hours=_hours(view.hours),
        script=_SCRIPT,
    )


def _standing(standing: Standing) -> str:
    if standing.live:
        text = "Live: everything that was labeled is counted."
    elif standing.behind is None:
        text = "Starting: reading earlier counts."
    else:
        text = f"Catching up: {standing.behind} offsets behind."
    if standing.partitions < standing.partitions_in_all:
        text += f" This replica counts {standing.partitions} of {standing.partitions_in_all} partitions."
    return text


def _column(period: Period, title: str) -> str:
    unsure = "" if period.unsure_share is None else f", {period.unsure} unsure ({period.unsure_share:.0%})"
    counted = f"{_counted(period.labels, 'label')}{unsure}; {_counted(period.failures, 'failure')}"
    return "\n".join(
        (
            f"<section><h2>{title}</h2>",
            f"<p>{counted}; since {_clock(period.since)}</p>",
            _bars("Genres", period.genres),
            _bars("Moods", period.moods),
            _bars("Failures", period.reasons),
            "</section>",
        )
    )


def _bars(title: str, counts: Mapping[str, int]) -> str:
    heading = f"<h3>{title}</h3>"
    if not counts:
        return f'{heading}<p class="none">none</p>'
    highest = max(counts.values())
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="bar"><svg aria-hidden="true">'
        f'<rect width="{100 * n / highest:.1f}%" height="100%"/></svg></td><td class="n">{n}</td></tr>'
        for name, n in counts.items()
    )
    return f'{heading}<table class="{title.lower()}">{rows}</table>'


def _hours(hours: list[Period]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_clock(hour.since)}</th><td class="n">{hour.labels}</td><td class="n">{hour.unsure}</td>'
        f'<td class="n">{hour.failures}</td><td>{escape(next(iter(hour.genres), ""))}</td></tr>'
        for hour in reversed(hours)
        if hour.labels or hour.failures
    )
    if not rows:
        return '<p class="none">nothing yet</p>'
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("from", "labels", "unsure", "failures", "most"))
    return f'<div class="hours"><table><tr>{heads}</tr>{rows}</table></div>'


def _counted(n: int, thing: str) -> str:
    return f"{n} {thing}{'' if n == 1 else 's'}"


def _clock(moment: str) -> str:
    """``2026-05-01T12:30:00+00:00`` -> ``12:30 UTC``, with the whole moment for who wants it."""
    return f'<time datetime="{moment}">{moment[11:16]} UTC</time>'
