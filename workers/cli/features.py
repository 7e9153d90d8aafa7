"""`features show|calibrate`: the twelve audio features of one file, and maps that bring them to Spotify's scale."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from schemas.errors import InvalidSettingError, TrackError
from schemas.events import AudioFeatures, TrackResult
from shared.evaluation.music4all import AUDIO_FOLDER, METADATA_NAME
from shared.features import DEFINITIONS, FEATURE_VERSION
from shared.features.calibration import CALIBRATED, Calibration, save_calibration
from workers.cli.agreement import Agreement, agreement
from workers.cli.calibrating import listened, selected
from workers.cli.console import err, json_line, out, piped
from workers.cli.in_process import labels_of
from workers.cli.tracks import media_roots, tracks_of

features = typer.Typer(help="The twelve audio features, in Spotify's shape.", no_args_is_help=True)

# As many pairs as make 50 for each knot of a map: more hours of work would not move it.
_ENOUGH_CLIPS = 2_000

EnsembleOption = Annotated[Path | None, typer.Option(help="Folder of an ensemble.")]


@features.command("show")
def show(
    path: Annotated[Path, typer.Argument(help="An audio file.")],
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw what was heard into this file.")] = None,
    ensemble: EnsembleOption = None,
) -> None:
    """Print the features of one file as Spotify's JSON, with confidences. Exit code 1 when it cannot be decoded."""
    if not path.is_file():
        raise InvalidSettingError(f"{path}: no such file; `features show` wants one")
    if plot is not None:
        from workers.cli.feature_plot import check_matplotlib

        check_matplotlib()
    result = _result(path, ensemble)
    found = spotify_shaped(result.features)
    json_line(found) if piped() else out.print_json(json.dumps(found))
    if plot is not None:
        from workers.cli.feature_plot import plot_features

        plot_features(path, result, plot)
        err.print(f"drawn into {plot}")


def spotify_shaped(found: AudioFeatures) -> dict[str, object]:
    """Return all of Spotify's fields, None where there is no value, then what we add to them."""
    fields = found.model_dump(mode="json")
    return {name: fields[name] for name in (*(one.name for one in DEFINITIONS), "confidence", "tempo_alternative")}


def _result(path: Path, ensemble: Path | None) -> TrackResult:
    with labels_of(tracks_of([str(path)]), media_roots([str(path)]), ensemble) as labels:
        outcome = next(labels.outcomes)
    if isinstance(outcome.labeled, TrackError):
        err.print(f"[red]failed[/]  {escape(str(path))}: {outcome.labeled.reason}: {escape(str(outcome.labeled))}")
        raise typer.Exit(1)
    return outcome.labeled.result


@features.command("calibrate")
def calibrate(
    folder: Annotated[Path, typer.Argument(help=f"Of Music4All's format: {METADATA_NAME} and {AUDIO_FOLDER}/.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("calibration.json"),
    clips: Annotated[int, typer.Option(min=1, help="At most so many clips, drawn by their ids.")] = _ENOUGH_CLIPS,
    ensemble: EnsembleOption = None,
) -> None:
    """Fit maps from our danceability, energy and valence to Spotify's, and compare key, mode and tempo."""
    chosen = selected(folder, clips)
    heard = listened(chosen, ensemble)
    found = agreement(heard.pairs)
    calibration = Calibration(
        features_version=FEATURE_VERSION,
        ensemble=heard.ensemble.version,
        ensemble_digest=heard.ensemble.digest,
        maps={name: fit.map for name, fit in found.fits.items() if fit.helps},
        evidence=found.evidence(),
    )
    save_calibration(calibration, output)
    counts = {"pairs": len(heard.pairs), "undecodable": heard.n_failed, **chosen.left_out}
    if piped():
        json_line({"version": calibration.version, "file": str(output), **counts, **found.evidence()})
        return
    _print(found, calibration, output)
    out.print("  ".join(f"{name.replace('_', ' ')}: {n}" for name, n in counts.items()), style="dim")


def _print(found: Agreement, calibration: Calibration, output: Path) -> None:
    table = Table("", "error before", "after, cross-validated", "of the mean alone", "rank correlation", "", box=None)
    for name in CALIBRATED:
        fit = found.fits[name]
        errors = (fit.error_before, fit.error_after, fit.error_of_the_mean, fit.rank_correlation)
        verdict = f"{len(fit.map.knots)} knots" if fit.helps else "[yellow]no help: left as it is[/]"
        table.add_row(name, *(f"{value:.3f}" for value in errors), verdict)
    out.print(table)
    out.print("  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in found.shares.items()))
    out.print(f"[bold]{calibration.version}[/] in {output}; NEEDLEDROP_FEATURES_CALIBRATION={output} applies it")
