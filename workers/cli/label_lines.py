"""A label as a person reads it: genres with bars, what was heard, where the track changes, how it measures."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from schemas.events import GenreProbability, SegmentGenres, TrackResult
from workers.cli.parts import clock, parts

N_GENRES = 3
N_TAGS = 6
_LEAST = 0.03  # less is no candidate, and no cell of a bar
_BAR_CELLS = 20
_FULL, _EMPTY = "█", "░"
_NAME_CELLS = 11  # "electronic" and a space
_KEYS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def bar(share: float, n_cells: int = _BAR_CELLS) -> str:
    """So many cells, as many of them filled as the share says."""
    filled = round(share * n_cells)
    return _FULL * filled + _EMPTY * (n_cells - filled)


def genre_lines(genres: Sequence[GenreProbability], *, unsure: bool, because: Sequence[str] = ()) -> list[Text]:
    """The top genres, one a line, best first; where nobody should act on them, that comes before."""
    lines: list[Text] = []
    if unsure:
        lines.append(Text(f"unsure: {', '.join(because)}" if because else "unsure", style="yellow"))
    if not genres:
        return [*lines, Text("nothing this ensemble can name", style="dim")]
    for i, one in enumerate(genres[:N_GENRES]):
        if i and one.probability < _LEAST:
            break
        style = "dim" if i or unsure else "bold"
        line = Text(f"{one.genre:<{_NAME_CELLS}}", style=style)
        line.append(bar(one.probability), style="dim" if i else "yellow" if unsure else "green")
        line.append(f" {one.probability:>4.0%}", style=style)
        lines.append(line)
    return lines


def detail_lines(details: Iterable[tuple[str, str]]) -> list[Text]:
    """What else there is to say, a line each; what is empty is left out."""
    return [Text(f"{name:<{_NAME_CELLS}}{text}", style="dim") for name, text in details if text]


def tags_text(result: TrackResult) -> str:
    """The strongest tags of all kinds."""
    tags = [tag for kind in type(result.tags).model_fields for tag in getattr(result.tags, kind)]
    return ", ".join(tag.tag for tag in sorted(tags, key=lambda tag: -tag.probability)[:N_TAGS])


def changes_text(segments: Sequence[SegmentGenres]) -> str:
    """Where a track goes from one genre to another."""
    return ", ".join(f"from {clock(part.start_s)} {part.genre}" for part in parts(segments))


def features_text(result: TrackResult) -> str:
    """The features that people ask for first."""
    features = result.features
    found = [clock(result.audio.duration_s)]
    if features.tempo:
        found.append(f"{features.tempo:.0f} BPM")
    if features.key is not None and features.key >= 0:
        mode = {1: " major", 0: " minor"}.get(features.mode if features.mode is not None else -1, "")
        found.append(_KEYS[features.key] + mode)
    if features.loudness is not None:
        found.append(f"{features.loudness:.1f} LUFS")
    return "  ".join(found)
