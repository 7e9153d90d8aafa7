"""What a data set looks like: its tags by how frequent they are, its splits, its faults by kind."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from training.data.tracks import DataSet, Fault, FaultKind, Split, Track, tag_counts

# Of USC-SAIL's 56 tags, 14 are the head and 15 the tail; other numbers of tags are divided alike.
_HEAD_SHARE, _TAIL_SHARE = 14 / 56, 15 / 56
N_EXAMPLES: Final = 5


class Part(StrEnum):
    """A part of a long-tailed list of tags."""

    HEAD = "head"
    MIDDLE = "middle"
    TAIL = "tail"


def parts_of(n_tags: int) -> tuple[Part, ...]:
    """The part of each tag of a list that is ordered by frequency, the most frequent first."""
    n_head, n_tail = round(n_tags * _HEAD_SHARE), round(n_tags * _TAIL_SHARE)
    return (Part.HEAD,) * n_head + (Part.MIDDLE,) * (n_tags - n_head - n_tail) + (Part.TAIL,) * n_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCount:
    """A tag with how many tracks have it."""

    tag: str
    n_tracks: int
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `data check` says.

    Attributes:
        n_usable: tracks with tags and, where that was looked at, audio that can be decoded.
        tags: of the usable tracks, the most frequent first.
        faults: by kind.
    """

    form: str
    n_tracks: int
    n_usable: int
    n_artists: int
    n_labels: int
    n_by_split: Mapping[str, int]
    tags: tuple[TagCount, ...]
    faults: Mapping[str, tuple[Fault, ...]]
    audio_checked: bool

    def fields(self) -> dict[str, object]:
        """All of it, ready for JSON."""
        return asdict(self)


def report_on(data: DataSet, audio_faults: Iterable[Fault] | None = None) -> Report:
    """Count.

    Args:
        data: as it was read.
        audio_faults: of tracks by their id (`where`) whose audio is of no use; None when nobody looked.
    """
    more = tuple(audio_faults or ())
    unheard = {fault.where for fault in more}
    usable = [track for track in data.tracks if track.tags and track.track_id not in unheard]
    counts = tag_counts(usable)
    return Report(
        form=data.form,
        n_tracks=len(data.tracks),
        n_usable=len(usable),
        n_artists=_n_artists(data.tracks),
        n_labels=sum(counts.values()),
        n_by_split=dict(Counter(track.split.value for track in data.tracks if track.split)) if data.has_splits else {},
        tags=tuple(
            TagCount(tag=tag, n_tracks=n, part=part)
            for (tag, n), part in zip(counts.items(), parts_of(len(counts)), strict=True)
        ),
        faults=faults_by_kind([*data.faults, *more, *_shared_artist_faults(data)]),
        audio_checked=audio_faults is not None,
    )


def faults_by_kind(faults: Iterable[Fault]) -> dict[str, tuple[Fault, ...]]:
    """The same faults, each under its kind's name, in their order."""
    by_kind: dict[str, list[Fault]] = {}
    for fault in faults:
        by_kind.setdefault(fault.kind, []).append(fault)
    return {kind: tuple(of_kind) for kind, of_kind in by_kind.items()}


def shared_artists(tracks: Iterable[Track]) -> Mapping[str, tuple[Split, ...]]:
    """Artists who are in more than one split, with those splits: what they have in common, a network may learn."""
    found: dict[str, set[Split]] = {}
    for track in tracks:
        if track.artist and track.split:
            found.setdefault(track.artist, set()).add(track.split)
    return {artist: tuple(sorted(splits)) for artist, splits in sorted(found.items()) if len(splits) > 1}


def _shared_artist_faults(data: DataSet) -> Iterator[Fault]:
    for artist, splits in shared_artists(data.tracks).items() if data.has_splits else ():
        why = f"in {' and '.join(splits)}: a network may know the artist instead of the tag"
        yield Fault(kind=FaultKind.SHARED_ARTIST, where=artist, why=why)


def _n_artists(tracks: Sequence[Track]) -> int:
    return len({track.artist for track in tracks if track.artist})
