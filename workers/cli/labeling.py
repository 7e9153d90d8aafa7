"""`label`: tracks to labels in this process, without Kafka and Redis."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.text import Text

from schemas.errors import TrackError
from shared.cores import n_cores
from shared.models.manifest import load_ensemble
from shared.settings.loading import loaded
from shared.settings.media import MediaSettings
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.running import chosen_ensemble
from workers.cli.showing import features_text, genres_text, tags_text
from workers.cli.tracks import NamedTrack, media_roots, tracks_of

if TYPE_CHECKING:
    from workers.classifier.labeler import Labeled

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one track."""

    track: NamedTrack
    labeled: "Labeled | TrackError"


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
    with progress() as bar:
        task = bar.add_task("labeling", total=len(tracks))
        for outcome in _outcomes(tracks, media_roots(names), ensemble, all_patches=all_patches):
            failed = failed or isinstance(outcome.labeled, TrackError)
            json_line(_fields(outcome)) if as_json else _show(outcome)
            bar.advance(task)
    if failed:
        raise typer.Exit(1)


def _outcomes(
    tracks: list[NamedTrack], roots: list[Path], folder: Path | None, *, all_patches: bool
) -> Iterator[Outcome]:
    from shared.models.sessions import RunningEnsemble
    from workers.classifier.labeler import Labeler
    from workers.extractor.extraction import Extraction
    from workers.extractor.sources.audio_source import AudioSource

    described, place = (load_ensemble(folder), folder) if folder else chosen_ensemble()
    media = loaded(MediaSettings)
    # Whoever names a file at the prompt may read it.
    media = media.model_copy(update={"roots": (*media.roots, *roots)})
    n_processes = min(n_cores(), len(tracks))
    with (
        Extraction(described, media, n_processes=n_processes, all_patches=all_patches) as extraction,
        ThreadPoolExecutor(n_processes) as threads,
    ):
        source = AudioSource(media)
        labeler = Labeler(RunningEnsemble(described, place))

        def work(track: NamedTrack) -> Outcome:
            try:
                with source.fetch(track.uri) as fetched:
                    return Outcome(track, labeler(extraction(fetched)))
            except TrackError as error:
                return Outcome(track, error)

        # As many ahead as keep all cores busy: memory does not grow with the folder.
        yield from _in_order(threads, work, tracks, ahead=2 * n_processes)


def _in_order(
    threads: ThreadPoolExecutor, work: Callable[[NamedTrack], Outcome], tracks: list[NamedTrack], *, ahead: int
) -> Iterator[Outcome]:
    waiting: list[Future[Outcome]] = []
    for track in tracks:
        waiting.append(threads.submit(work, track))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _fields(outcome: Outcome) -> dict[str, object]:
    path = {"path": str(outcome.track.path) if outcome.track.path else outcome.track.uri}
    if isinstance(outcome.labeled, TrackError):
        return {**path, "error": {"reason": outcome.labeled.reason.value, "message": str(outcome.labeled)}}
    result = outcome.labeled.result
    return {
        **path,
        **result.model_dump(
            mode="json", exclude_none=True, include={"genres", "unsure", "tags", "features", "segments"}
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
    labeled = outcome.labeled
    out.print(f"[bold]{name}[/]")
    out.print(Text("  ") + genres_text(labeled.result.genres, unsure=bool(labeled.result.unsure)))
    why = ", ".join(reason.name for reason in labeled.fused.why)
    doubts = ", ".join(labeled.fused.unsure_because)
    lines = [f"why: {why}" if why else "", f"unsure: {doubts}" if doubts else "", tags_text(labeled.result)]
    out.print(Text("  " + "  ·  ".join(part for part in (*lines, features_text(labeled.result)) if part), style="dim"))
