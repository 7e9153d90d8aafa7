"""`submit`, `delete`, `watch`, `get`: what people and ingest systems do with a running pipeline."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import NeedledropError
from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.following import following
from shared.kafka.submitting import MAX_OUTSTANDING, Submitter
from shared.redis.views import TrackViews, ViewKind
from workers.cli.backfilling import Source, backfill
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.settings import kafka_settings, redis_settings
from workers.cli.showing import show_outcome, show_view
from workers.cli.tracks import HOW_IDS_ARE_MADE, NamedTrack, tracks_of

EXIT_UNKNOWN = 3


def submitted(track: NamedTrack) -> TrackSubmitted:
    """A new submission of a track."""
    return TrackSubmitted(
        track_id=track.track_id,
        uri=track.uri,
        submission_id=str(uuid.uuid4()),
        submitted_at=datetime.now(UTC),
        title=track.path.stem[:1024] if track.path else None,
    )


def submit(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH|URI...]", help="Files, folders (walked) or URIs.")
    ] = None,
    track_id: Annotated[str | None, typer.Option("--id", help="The track's id, when there is one track.")] = None,
    music4all: Annotated[Path | None, typer.Option(metavar="DIR", help="Every track of a copy of Music4All.")] = None,
    jsonl: Annotated[Path | None, typer.Option(metavar="FILE", help="Tracks as JSON lines: track_id, uri, ...")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Tracks as a table with a header.")] = None,
    outstanding: Annotated[
        int, typer.Option(min=2, help="At most so many tracks wait for the extractor: live tracks wait behind them.")
    ] = MAX_OUTSTANDING,
) -> None:
    """Publish new-track events. A file of many tracks that was stopped goes on where it was."""
    source = Source(music4all=music4all, jsonl=jsonl, csv=csv)
    if source.is_named:
        if names or track_id:
            raise typer.BadParameter("a file of many tracks is submitted by itself")
        backfill(source, outstanding=outstanding)
        return
    if not names:
        raise typer.BadParameter("name files, folders or URIs, or one of --music4all, --jsonl, --csv")
    tracks = tracks_of(names)
    if track_id is not None:
        if len(tracks) != 1:
            raise typer.BadParameter(f"--id names one track, and there are {len(tracks)}")
        tracks = [NamedTrack(track_id, tracks[0].uri, tracks[0].path)]
    with progress() as bar:
        task = bar.add_task("submitting", total=len(tracks))

        def waiting() -> None:
            bar.update(task, description="waiting for the extractor")

        with Submitter(kafka_settings(), max_outstanding=outstanding, on_wait=waiting) as submitter:
            for track in tracks:
                event = submitted(track)
                submitter.submit(event)
                bar.update(task, advance=1, description="submitting")
                if piped():
                    json_line({"track_id": event.track_id, "submission_id": event.submission_id, "uri": event.uri})
    if not piped():
        out.print(f"{len(tracks)} submitted. {HOW_IDS_ARE_MADE}")


def delete(
    track_ids: Annotated[list[str], typer.Argument(metavar="TRACK_ID...", help="As `submit` and `watch` show them.")],
) -> None:
    """Delete tracks everywhere: labels, views, catalogues."""
    with Submitter(kafka_settings()) as submitter:
        for track_id in track_ids:
            submitter.delete(track_id)
    err.print(f"{len(track_ids)} deletions submitted")


def watch(
    *,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the first record there is.")] = False,
) -> None:
    """Print labels and failures as they come, until Ctrl-C."""
    with following(kafka_settings(), [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=from_start) as follower:
        if not piped():
            err.print("[dim]waiting for labels (Ctrl-C ends)[/]")
        while True:
            record = follower.take(timeout_s=0.5)
            if record is None:
                continue
            try:
                show_outcome(record, as_json=piped())
            except NeedledropError as error:
                err.print(f"[yellow]not an event of ours at {record.coordinates}: {error}[/]")


def get(track_id: Annotated[str, typer.Argument(help="As `submit` and `watch` show it.")]) -> None:
    """Print the last outcome of a track, label or failure. Exit code 3 when there is none."""
    view = TrackViews(redis_settings()).get(track_id)
    if view is None:
        err.print(f"nothing is known of {track_id!r}: never submitted, not finished yet, or deleted")
        raise typer.Exit(EXIT_UNKNOWN)
    if piped():
        json_line(view.value.decode())
    else:
        style = "green" if view.kind is ViewKind.LABEL else "red"
        out.print(f"[{style}]{view.kind.value}[/]")
        show_view(json.loads(view.value))
