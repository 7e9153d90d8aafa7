"""`data`: look at a data set before training on it, and decode it once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.cores import n_cores
from workers.cli.console import err, json_line, out, piped, progress

if TYPE_CHECKING:
    from training.data.report import Report
    from training.data.tracks import Fault

data = typer.Typer(help="Data sets to train on.", no_args_is_help=True)

_SHOWN_TAGS = 60  # a whole screen; --json and the picture have all

DataPath = Annotated[
    Path, typer.Argument(metavar="PATH", help="Music4All's or MTG-Jamendo's folder, a TSV file, or a LABELS.tsv.")
]
LabelsOption = Annotated[
    Literal["genres", "tags", "both"], typer.Option(help="What to learn, where a data set (Music4All) has both.")
]
SplitSeed = Annotated[int, typer.Option(help="Of the splits, where the data set has none.")]
Processes = Annotated[int, typer.Option("--processes", min=0, help="That decode; 0: one a core.")]


@data.command()
def check(
    path: DataPath,
    *,
    labels: LabelsOption = "genres",
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Do not decode every file.")] = False,
    picture: Annotated[Path | None, typer.Option(help="PNG of the tags' counts.")] = None,
    n_processes: Processes = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one object.")] = False,
) -> None:
    """Count tags, and name everything that is wrong: none of it keeps the rest from being used."""
    from shared.evaluation.pictures import require_plots
    from training.data.music4all import Labels
    from training.data.picture import draw_tags
    from training.data.preparation import audio_faults
    from training.data.reading import read_data_set
    from training.data.report import report_on
    from workers.cli.decoding import decoding

    if picture is not None:
        require_plots()
    found = read_data_set(path, Labels(labels))
    faults = None
    if not no_audio:
        n = n_processes or n_cores()
        with decoding(n) as decode, progress() as bar:
            task = bar.add_task("decoding", total=len(found.tracks))
            faults = audio_faults(found, decode, n_threads=n, done=lambda more: bar.advance(task, more))
    report = report_on(found, faults)
    if picture is not None:
        draw_tags(report, picture)
    if as_json or piped():
        json_line(report.fields())
    else:
        _show(report)


@data.command()
def prepare(
    path: DataPath,
    folder: Annotated[Path, typer.Option("--out", help="Folder of the prepared data set.")],
    *,
    labels: LabelsOption = "genres",
    seed: SplitSeed = 0,
    n_processes: Processes = 0,
) -> None:
    """Decode everything once, in parallel; the same command again goes on where it was."""
    prepared_from(path, folder, labels=labels, seed=seed, n_processes=n_processes)


def prepared_from(path: Path, folder: Path, *, labels: str, seed: int, n_processes: int = 0) -> None:
    """Prepare, with a progress bar and a word on what came of it."""
    from training.data.music4all import Labels
    from training.data.preparation import prepare as prepare_data
    from training.data.reading import read_data_set
    from training.data.report import faults_by_kind
    from workers.cli.decoding import decoding

    found = read_data_set(path, Labels(labels))
    n = n_processes or n_cores()
    with decoding(n) as decode, progress() as bar:
        task = bar.add_task("decoding", total=sum(bool(track.tags) for track in found.tracks))
        result = prepare_data(found, folder, decode, seed=seed, n_threads=n, done=lambda more: bar.advance(task, more))
    _show_faults(faults_by_kind([*found.faults, *result.faults]), err, "data check --json")
    how = "its own splits" if found.has_splits else f"split by artist, seed {seed}"
    err.print(f"{result.n_tracks} tracks in {folder} ({result.n_decoded} decoded now, {how})")


def _show(report: "Report") -> None:
    heard = "" if report.audio_checked else ", audio not looked at"
    out.print(
        f"[bold]{report.form}[/]: {report.n_tracks} tracks of {report.n_artists} artists; "
        f"{report.n_usable} usable{heard}, with {report.n_labels} labels of {len(report.tags)} tags"
    )
    if report.n_by_split:
        out.print("splits: " + ", ".join(f"{name} {n}" for name, n in report.n_by_split.items()))
    table = Table(box=None, pad_edge=False)
    for column in ("tag", "tracks", "part"):
        table.add_column(column, justify="right" if column == "tracks" else "left")
    for tag in report.tags[:_SHOWN_TAGS]:
        table.add_row(escape(tag.tag), str(tag.n_tracks), tag.part)
    out.print(table)
    if len(report.tags) > _SHOWN_TAGS:
        out.print(f"[dim]and {len(report.tags) - _SHOWN_TAGS} more (--json)[/]")
    _show_faults(report.faults, out, "--json")
    if not report.faults:
        out.print("no faults found")


def _show_faults(by_kind: "Mapping[str, Sequence[Fault]]", console: Console, names_all: str) -> None:
    from training.data.report import N_EXAMPLES

    for kind, faults in sorted(by_kind.items()):
        console.print(f"[yellow]{kind}: {len(faults)}[/]")
        for fault in faults[:N_EXAMPLES]:
            console.print(f"  {escape(fault.where)}: {escape(fault.why)}")
        if len(faults) > N_EXAMPLES:
            console.print(f"  [dim]and {len(faults) - N_EXAMPLES} more ({names_all})[/]")
