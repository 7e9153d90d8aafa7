"""Listening to clips of which somebody else has said what they sound like: a folder in Music4All's format."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from schemas.errors import InvalidSettingError, TrackError
from shared.evaluation.music4all import AUDIO_FOLDER, AUDIO_SUFFIX, METADATA_NAME, ClipFeatures, clip_features
from shared.models.manifest import Ensemble
from workers.cli.agreement import Pair
from workers.cli.console import err, progress
from workers.cli.in_process import labels_of
from workers.cli.tracks import NamedTrack

_MOST_COMPLAINTS = 10  # the count at the end says the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Clips to listen to.

    Attributes:
        folder: of their audio.
        clips: by id.
        left_out: how many things there were that are no pair of row and audio, by kind.
    """

    folder: Path
    clips: dict[str, ClipFeatures]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listened:
    """What was heard in them, by which ensemble; some may be undecodable."""

    pairs: list[Pair]
    n_failed: int
    ensemble: Ensemble


def selected(folder: Path, n_clips: int) -> Selection:
    """Choose at most ``n_clips`` clips that have a row and audio: always the same ones, in no order of the data set.

    Raises: InvalidSettingError when there are none, or the table cannot be read.
    """
    known, n_unused = _rows(folder)
    audio = (folder / AUDIO_FOLDER).resolve()
    there = {path.stem for path in audio.glob(f"*{AUDIO_SUFFIX}")}
    usable = {clip.clip_id: clip for clip in known if clip.clip_id in there}
    if not usable:
        raise InvalidSettingError(f"{folder / AUDIO_FOLDER} has none of the clips that {METADATA_NAME} names")
    drawn = sorted(usable, key=lambda clip_id: hashlib.sha256(clip_id.encode()).digest())[:n_clips]
    return Selection(
        folder=audio,
        clips={clip_id: usable[clip_id] for clip_id in drawn},
        left_out={
            "rows_of_no_use": n_unused,
            "rows_without_audio": len(known) - len(usable),
            "audio_without_row": len(there) - len(usable),
        },
    )


def listened(selection: Selection, ensemble: Path | None) -> Listened:
    """Compute our own, uncalibrated features of the clips. Raises: InvalidSettingError."""
    tracks = [_track(selection.folder, clip_id) for clip_id in selection.clips]
    pairs, n_failed = list[Pair](), 0
    with labels_of(tracks, [selection.folder], ensemble, calibrated=False) as labels, progress() as bar:
        task = bar.add_task("listening", total=len(tracks))
        for outcome in labels.outcomes:
            if isinstance(outcome.labeled, TrackError):
                n_failed += 1
                if n_failed <= _MOST_COMPLAINTS:
                    err.print(f"[yellow]left out[/]  {outcome.track.track_id}: {outcome.labeled.reason}")
            else:
                pairs.append(Pair(outcome.labeled.result.features, selection.clips[outcome.track.track_id]))
            bar.advance(task)
        return Listened(pairs=pairs, n_failed=n_failed, ensemble=labels.ensemble)


def _rows(folder: Path) -> tuple[list[ClipFeatures], int]:
    """The usable rows of the table, and how many others there are."""
    path = folder / METADATA_NAME
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            known, unused = clip_features(lines)
    except OSError as error:
        raise InvalidSettingError(f"cannot read {path}: {error.strerror}") from error
    for row in unused[:_MOST_COMPLAINTS]:
        err.print(f"[yellow]left out[/]  line {row.line} of {METADATA_NAME}: {escape(row.why)}")
    return known, len(unused)


def _track(folder: Path, clip_id: str) -> NamedTrack:
    path = folder / f"{clip_id}{AUDIO_SUFFIX}"
    return NamedTrack(clip_id, path.as_uri(), path)
