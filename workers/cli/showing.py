"""How outcomes look: a line for people, JSON for programs."""

import json
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from schemas.events import GenreProbability, TrackFailed, TrackLabeled, TrackResult
from schemas.topics import TRACKS_LABELED
from shared.kafka.records import Record
from workers.cli.console import json_line, out

N_GENRES = 3
_BAR_CELLS = 10
_FULL, _EMPTY = "█", "░"


def bar(probability: float) -> str:
    """Ten cells, as many filled as the probability says."""
    filled = round(probability * _BAR_CELLS)
    return _FULL * filled + _EMPTY * (_BAR_CELLS - filled)


def genres_text(genres: Sequence[GenreProbability], *, unsure: bool) -> Text:
    """The top genres, the first with a bar."""
    if not genres:
        return Text("nothing this ensemble can name", style="dim")
    first, *others = genres[:N_GENRES]
    text = Text(f"{bar(first.probability)} ", style="yellow" if unsure else "green")
    text.append(f"{first.genre} {first.probability:.0%}", style="bold")
    for genre in others:
        text.append(f"  {genre.genre} {genre.probability:.0%}", style="dim")
    return text + Text("  unsure", style="yellow") if unsure else text


def tags_text(result: TrackResult) -> str:
    """The strongest tags of the kinds that are no genres."""
    tags = [tag for kind in ("mood", "instrument", "voice", "era") for tag in getattr(result.tags, kind)]
    best = sorted(tags, key=lambda tag: -tag.probability)[:N_GENRES]
    return ", ".join(tag.tag for tag in best)


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
    out.print(head)
    out.print(Text("         ") + genres_text(label.genres, unsure=bool(label.unsure)))
    details = [tags_text(label), features_text(label)]
    if label.from_cache:
        details.append("known content, earlier result")
    out.print(Text("         " + "  ·  ".join(part for part in details if part), style="dim"))


def features_text(result: TrackResult) -> str:
    """The features that people ask for first."""
    features = result.features
    parts = [f"{result.audio.duration_s:.0f} s"]
    if features.tempo is not None:
        parts.append(f"{features.tempo:.0f} BPM")
    if features.key is not None and features.key >= 0:
        mode = {1: " major", 0: " minor"}.get(features.mode if features.mode is not None else -1, "")
        parts.append(["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"][features.key] + mode)
    if features.loudness is not None:
        parts.append(f"{features.loudness:.1f} LUFS")
    return ", ".join(parts)


def show_view(event: dict[str, object]) -> None:
    """A whole outcome as a table of its top-level fields."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in event.items():
        table.add_row(
            f"[bold]{name}[/]", escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        )
    out.print(table)
