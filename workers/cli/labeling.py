"""`label`: tracks to labels in this process, without Kafka and Redis."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from schemas.errors import TrackError
from shared.settings.loading import loaded
from shared.settings.workers import FeatureSettings
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.in_process import Outcome, labels_of
from workers.cli.label_lines import changes_text, detail_lines, features_text, genre_lines, tags_text
from workers.cli.tracks import media_roots, tracks_of

_DIGITS = 6


def label(
    names: Annotated[list[str], typer.Argument(metavar="PATH|URI...", help="Files, folders (walked) or URIs.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line, in the order of the files.")] = False,
    all_patches: Annotated[
        bool, typer.Option("--all-patches", help="All 3 s patches instead of ten spread ones.")
    ] = False,
    ensemble: Annotated[Path | None, typer.Option(help="Folder of an ensemble.")] = None,
) -> None:
    """Label tracks in this process, without Kafka. Exit code 1 when a track failed."""
    tracks = tracks_of(names)
    as_json = as_json or piped()
    failed = False
    features = loaded(FeatureSettings).enabled
    running = labels_of(tracks, media_roots(names), ensemble, all_patches=all_patches, features=features)
    with running as labels, progress() as bar:
        task = bar.add_task("labeling", total=len(tracks))
        for outcome in labels.outcomes:
            failed = failed or isinstance(outcome.labeled, TrackError)
            json_line(_fields(outcome)) if as_json else _show(outcome)
            bar.advance(task)
    if failed:
        raise typer.Exit(1)


def _fields(outcome: Outcome) -> dict[str, object]:
    path = {"path": str(outcome.track.path) if outcome.track.path else outcome.track.uri}
    if isinstance(outcome.labeled, TrackError):
        return {**path, "error": {"reason": outcome.labeled.reason.value, "message": str(outcome.labeled)}}
    result = outcome.labeled.result
    return {
        **path,
        **result.model_dump(
            mode="json", exclude_none=True, include={"genres", "unsure", "tags", "features", "segments", "embedding"}
        ),
        "members": {
            name: {tag: round(float(p), _DIGITS) for tag, p in zip(outcome.labeled.tags[name], mean, strict=True)}
            for name, mean in outcome.labeled.members.items()
        },
        **result.model_dump(mode="json", exclude_none=True, include={"audio", "analysed", "versions"}),
    }


def _show(outcome: Outcome) -> None:
    name = escape(os.path.relpath(outcome.track.path) if outcome.track.path else outcome.track.track_id)
    if isinstance(outcome.labeled, TrackError):
        err.print(f"[red]failed[/]  [bold]{name}[/]: {outcome.labeled.reason}: {escape(str(outcome.labeled))}")
        return
    result, fused = outcome.labeled.result, outcome.labeled.fused
    out.print(f"[bold]{name}[/]  [dim]{features_text(result)}[/]")
    genres = genre_lines(result.genres, unsure=bool(result.unsure), because=fused.unsure_because)
    details = [
        ("why", ", ".join(reason.name for reason in fused.why)),
        ("hears", tags_text(result)),
        ("changes", changes_text(result.segments or ())),
    ]
    for line in (*genres, *detail_lines(details)):
        out.print(Text("  ") + line)
