"""`head train`: a genre head of one's own, from a folder of labelled audio, as one more member of an ensemble."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from schemas.errors import InvalidSettingError, TrackError
from schemas.taxonomy import default_taxonomy
from shared.evaluation.label_file import LabeledFile, UnusedLine
from shared.models.manifest import PROBABILITIES, Ensemble, OutputOf, load_ensemble, require_same_patches
from shared.settings.loading import loaded
from shared.settings.workers import ModelSettings
from workers.cli.console import err, progress
from workers.cli.head_report import show_trial
from workers.cli.head_trial import head_prior, trial
from workers.cli.labelled import present, read_labels
from workers.cli.tracks import media_roots, tracks_of

if TYPE_CHECKING:
    from workers.cli.hearing import HeardTrack

head = typer.Typer(help="A genre head of your own, trained on audio that you have labelled.", no_args_is_help=True)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_EMBEDDINGS = tuple(f"{name}/embedding" for name in ("MSD_musicnn", "MSD_vgg", "MTT_musicnn", "MTT_vgg"))


@dataclass(frozen=True, slots=True)
class _Base:
    """The ensemble that a head reads."""

    ensemble: Ensemble
    folder: Path
    sources: tuple[OutputOf, ...]


@head.command("train")
def train(
    labels: Annotated[Path, typer.Argument(metavar="LABELS.tsv", help="Columns file, genre and, please, group.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the ensemble with the head.")],
    *,
    audio: Annotated[Path | None, typer.Option(help="Folder of the files; that of LABELS.tsv when not given.")] = None,
    group: Annotated[
        str | None, typer.Option(help="The column of what tracks share (artist, source); `group` when not given.")
    ] = None,
    ensemble: Annotated[Path | None, typer.Option(help="Folder of an ensemble that exposes embeddings.")] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="MEMBER/OUTPUT", help="What the head reads; all embeddings when not given."),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the member that the head becomes.")] = "genre_head",
    anyway: Annotated[bool, typer.Option("--anyway", help="Write it even if it makes labels no better.")] = False,
) -> None:
    """Fit a genre head, test it on groups that it has not heard, and write an ensemble that has it."""
    from training.heads.fitting import Example, fitted
    from training.heads.validation import out_of_fold

    if not _NAME.fullmatch(name):
        raise InvalidSettingError(f"--name {name!r}: letters, digits, - and _ only, as it names a file")
    table = read_labels(labels, group)
    tracks, missing = present(table.tracks, audio or labels.parent)
    base = _base(ensemble, sources)
    heard, failed = _heard(tracks, base)
    for one in sorted([*table.unused, *missing, *failed], key=lambda one: one.line):
        err.print(f"[yellow]{escape(str(labels))}, line {one.line}:[/] {escape(one.why)}")
    if not table.grouped:
        err.print(
            f"[yellow]{escape(str(labels))} has no column {group or 'group'}:[/] tracks of one album on both sides "
            "of a test flatter a head; name the artist, album or source of each"
        )
    examples = [Example(embedding=h.embedding, genre=t.genre, group=t.group or t.file) for t, h in heard]
    try:
        with err.status("Fitting, and testing on groups that the head has not heard"):
            said = out_of_fold(examples)
            result = trial(
                [h.probabilities for _, h in heard],
                [e.genre for e in examples],
                [e.group for e in examples],
                base.ensemble,
                default_taxonomy(),
                said,
            )
            found = fitted(examples).cooled(said.temperature) if result.better or anyway else None
    except ValueError as error:
        raise InvalidSettingError(f"{labels}: {error}") from error
    version = None
    if found is not None:
        from shared.models.heads import add_head, head_graph

        version = add_head(
            base.ensemble,
            base.folder,
            folder,
            head_graph(found.mean, found.scale, found.weights, found.bias),
            name=name,
            input_from=base.sources,
            tags=found.genres,
            weight=result.weight,
            prior=head_prior(default_taxonomy()),
            source=f"needledrop head train, {len(examples)} tracks",
        ).version
    show_trial(result, examples, version, folder)
    if version is None:
        raise typer.Exit(1)


def _default_base(sources: Sequence[str] | None) -> _Base:
    from shared.models.builder import default_folder, exposures, located_or_built

    exposed = exposures(sources or _EMBEDDINGS)
    place = default_folder(loaded(ModelSettings).folder, exposed)
    with err.status("Building the models, embeddings included (once)"):
        described = located_or_built(place, exposed)
    return _Base(described, place, tuple(OutputOf(member=m, output=o) for m, o in exposed))


def _base(ensemble: Path | None, sources: Sequence[str] | None) -> _Base:
    place = ensemble or loaded(ModelSettings).ensemble
    if place is None:
        return _default_base(sources)
    described = load_ensemble(place)
    there = {f"{m.name}/{o}": OutputOf(member=m.name, output=o) for m in described.members for o in m.outputs}
    offered = {name: output for name, output in there.items() if output.output != PROBABILITIES}
    if unknown := [name for name in sources or () if name not in offered]:
        raise InvalidSettingError(f"--from {unknown[0]}: {place} exposes {', '.join(offered) or 'no embedding'}")
    wanted = sources or [name for name, output in offered.items() if output.output == "embedding"]
    if not wanted:
        raise InvalidSettingError(
            f"{place} exposes no embedding that a head could read; `needledrop models build --expose all FOLDER` "
            "makes a default ensemble that does"
        )
    chosen = tuple(offered[name] for name in wanted)
    require_same_patches(described, chosen)
    return _Base(described, place, chosen)


def _heard(
    tracks: Sequence[tuple[LabeledFile, Path]], base: _Base
) -> tuple[list[tuple[LabeledFile, "HeardTrack"]], list[UnusedLine]]:
    from workers.cli.hearing import heard_tracks

    names = [str(path) for _, path in tracks]
    heard: list[tuple[LabeledFile, HeardTrack]] = []
    failed: list[UnusedLine] = []
    found = heard_tracks(tracks_of(names), media_roots(names), base.ensemble, base.folder, base.sources)
    with progress() as bar:
        task = bar.add_task("listening", total=len(tracks))
        for (track, _), one in zip(tracks, found, strict=True):
            bar.advance(task)
            if isinstance(one, TrackError):
                failed.append(UnusedLine(line=track.line, why=f"{track.file}: {one.reason}: {one}"))
            else:
                heard.append((track, one))
    return heard, failed
