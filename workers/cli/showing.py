"""How outcomes look: a line for people, JSON for programs."""

import json

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from schemas.events import TrackFailed, TrackLabeled
from schemas.topics import TRACKS_LABELED
from shared.kafka.records import Record
from workers.cli.console import json_line, out
from workers.cli.label_lines import changes_text, detail_lines, features_text, genre_lines, tags_text

_INDENT = "  "


def show_outcome(record: Record, *, as_json: bool) -> None:
    """One record of the label or failure topic, as it arrives."""
    if as_json:
        event = json.loads(record.value) if record.value else None
        json_line({"track_id": record.key_text, "topic": record.topic, "event": event})
    elif record.value is None:
        out.print(f"[dim]deleted[/]  {escape(record.key_text)}")
    elif record.topic == TRACKS_LABELED.name:
        _show_label(TrackLabeled.from_json(record.value))
    else:
        failure = TrackFailed.from_json(record.value)
        out.print(f"[red]failed[/]   [bold]{escape(failure.track_id)}[/]: {failure.reason}: {escape(failure.message)}")


def _show_label(label: TrackLabeled) -> None:
    head = Text.assemble(("labeled  ", "green"), (label.track_id, "bold"))
    if label.submission.title:
        head.append(
            f"  {label.submission.title}" + (f" by {label.submission.artist}" if label.submission.artist else "")
        )
    head.append(f"  {features_text(label)}", style="dim")
    out.print(head)
    for line in genre_lines(label.genres, unsure=bool(label.unsure)):
        out.print(Text(_INDENT) + line)
    details = [("hears", tags_text(label)), ("changes", changes_text(label.segments or ()))]
    if label.from_cache:
        details.append(("known", "the same content was labelled before"))
    for line in detail_lines(details):
        out.print(Text(_INDENT) + line)


def show_view(event: dict[str, object]) -> None:
    """A whole outcome as a table of its top-level fields."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in event.items():
        table.add_row(
            f"[bold]{name}[/]", escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        )
    out.print(table)
