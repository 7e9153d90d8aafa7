"""`train`: your own ensemble from your own data, and which loss earned its place. Needs the extra `training`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from schemas.errors import InvalidSettingError
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.data import LabelsOption, SplitSeed, prepared_from

if TYPE_CHECKING:
    from rich.progress import Progress

    from training.comparison import Comparison, Row
    from training.data.prepared import PreparedData
    from training.run import Finished, Watch
    from training.run_folder import RunSettings
    from training.trainer import Step

train = typer.Typer(help="Train and compare ensembles on your own data.", no_args_is_help=True)

Network = Literal["heads", "musicnn", "vgg", "short-chunk"]


@train.command()
def run(
    path: Annotated[
        Path, typer.Argument(metavar="DATA", help="Prepared data, or a data set, which is prepared first.")
    ],
    folder: Annotated[Path, typer.Option("--out", help="Folder of the run; the same command again goes on.")],
    *,
    losses: Annotated[
        str, typer.Option(help="bce, focal, cb, db, db-sail, asymmetric; commas between.")
    ] = "bce,focal,cb,db",
    n_seeds: Annotated[int, typer.Option("--seeds", min=1, help="Members a loss.")] = 3,
    network: Annotated[Network, typer.Option(help="heads: linear, on the four published networks.")] = "heads",
    width: Annotated[int, typer.Option(min=1, help="Of short-chunk; USC-SAIL's is 128.")] = 128,
    schedule: Annotated[Literal["short", "usc-sail"], typer.Option(help="usc-sail: 200 epochs.")] = "short",
    n_epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Instead of the schedule's own.")] = None,
    sampling: Annotated[Literal["standard", "class-aware"], typer.Option(help="Of training tracks.")] = "standard",
    mixup: Annotated[float, typer.Option(min=0, help="α of Beta(α, α); 0: no mixup; USC-SAIL's is 1.")] = 0.0,
    min_tracks: Annotated[int, typer.Option(min=1, help="Training tracks that a tag needs to be learnt.")] = 10,
    labels: LabelsOption = "genres",
    split_seed: SplitSeed = 0,
    licence: Annotated[str, typer.Option(help="Of the result, for its manifest and card.")] = "not stated",
    name: Annotated[str, typer.Option(help="Of the ensemble; its version begins so.")] = "trained",
) -> None:
    """Train a member a loss and seed, and make an ensemble of them: DIR/ensemble, for --ensemble of other commands."""
    _require_torch()
    from training.data.prepared import MANIFEST_NAME, TRACKS_NAME, load_prepared
    from training.losses import LossName
    from training.recipes import NetworkKind, ScheduleName
    from training.run import train_run
    from training.run_folder import RunSettings
    from training.sampling import Sampling
    from training.world import world

    asked = [one.strip() for one in losses.split(",") if one.strip()]
    if unknown := [one for one in asked if one not in list(LossName)]:
        raise InvalidSettingError(f"--losses: {unknown[0]!r} is none of {', '.join(LossName)}")
    if not asked:
        raise InvalidSettingError("--losses names no loss")
    settings = RunSettings(
        losses=tuple(dict.fromkeys(LossName(one) for one in asked)),
        n_seeds=n_seeds,
        network=NetworkKind(network),
        width=width,
        schedule=ScheduleName(schedule),
        n_epochs=n_epochs,
        sampling=Sampling(sampling),
        mixup_alpha=mixup,
        min_tracks=min_tracks,
        licence=licence,
        name=name,
    )
    with world() as mine:
        if not ((path / MANIFEST_NAME).is_file() and (path / TRACKS_NAME).is_file()):
            if mine.is_first:
                prepared_from(path, folder / "prepared", labels=labels, seed=split_seed)
            path = folder / "prepared"
            mine.wait()
        data = load_prepared(path)
        with progress() as bar, _readable(folder):
            finished = train_run(data, settings, folder, mine, _watch(bar))
        if mine.is_first:
            _finish(finished, data, settings, folder)


@train.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Of `train run`.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One object a folder.")] = False,
) -> None:
    """Print and draw losses by seeds, with intervals over tracks; writes comparison.json and .png into each folder."""
    from training.comparison import compared, save_comparison

    for folder in folders:
        comparison = compared(folder)
        with _readable(folder):
            save_comparison(comparison, folder)
            _draw(comparison, folder)
        if as_json or piped():
            json_line({"folder": str(folder), **comparison.fields()})
        else:
            _show(comparison, folder)


def _require_torch() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise InvalidSettingError(
            "training needs PyTorch, which is not installed: make setup-training, or pip install 'needledrop[training]'"
        )


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """What the disk refuses becomes one line. Raises: InvalidSettingError."""
    try:
        yield
    except OSError as error:
        raise InvalidSettingError(f"{error.filename or folder}: {error.strerror or error}") from error


def _watch(bar: "Progress") -> "Watch":
    """Progress bars: one of the stage, and of an epoch's steps within it."""
    from training.run import Watch

    stage = bar.add_task("starting", total=None)

    def began(name: str, total: int) -> None:
        bar.reset(stage, description=name, total=total)

    def stepped(step: "Step") -> None:
        done = step.epoch + (step.step + 1) / step.n_steps
        bar.update(stage, total=step.n_epochs, completed=round(done, 2))

    return Watch(began=began, advanced=lambda n: bar.advance(stage, n), stepped=stepped)


def _finish(finished: "Finished", data: "PreparedData", settings: "RunSettings", folder: Path) -> None:
    """Compare, write the card, say what to do with it."""
    from training.comparison import compared, save_comparison
    from training.export.card import model_card
    from training.run import ENSEMBLE_FOLDER

    exported = finished.exported
    if exported is None:
        raise AssertionError("the first process exports")
    comparison = compared(folder)
    save_comparison(comparison, folder)
    _draw(comparison, folder)
    card = model_card(exported, comparison, data, finished.calibrations, settings.fields())
    (folder / ENSEMBLE_FOLDER / "model-card.md").write_text(card, encoding="utf-8")
    if piped():
        json_line({"ensemble": str(folder / ENSEMBLE_FOLDER), "version": exported.ensemble.version})
    else:
        _show(comparison, folder)
    if exported.unknown_tags:
        err.print(f"[yellow]No meaning in the taxonomy, so in no label:[/] {escape(', '.join(exported.unknown_tags))}")
    if exported.genres:
        err.print(
            f"Ensemble {exported.ensemble.version}: needledrop label --ensemble {folder / ENSEMBLE_FOLDER} PATH..."
        )
    else:
        err.print("[yellow]No tag names a genre of the taxonomy: labels need an ensemble with one that does.[/]")


def _draw(comparison: "Comparison", folder: Path) -> None:
    """A picture, where there is matplotlib."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is not None:
        from training.comparison_picture import draw_comparison

        draw_comparison(comparison, folder / "comparison.png")


def _show(comparison: "Comparison", folder: Path) -> None:
    table = Table(
        box=None, pad_edge=False, title=f"{folder}: {comparison.n_tracks} test tracks, {comparison.n_tags} tags"
    )
    parts = list(comparison.rows[0].parts)
    for column in ("", "ROC-AUC", "PR-AUC", "beside BCE", "ROC mi", "PR mi", "F1", "F1 mi", *parts, "ECE"):
        table.add_column(column, justify="right" if column else "left")
    for row in comparison.rows:
        table.add_row(*_cells(row, parts), style="bold" if row.kind == "ensemble" else None)
    out.print(table)
    for score, gain in comparison.gain.items():
        out.print(
            f"ensemble beside its best member on validation, {comparison.best_member}: {score} {gain.value:+.4f} "
            f"[{gain.low:+.4f}, {gain.high:+.4f}]"
        )


def _cells(row: "Row", parts: list[str]) -> list[str]:
    roc, pr = row.intervals["roc_auc"], row.intervals["pr_auc"]
    return [
        row.name,
        f"{roc.value:.3f} ±{(roc.high - roc.low) / 2:.3f}",
        f"{pr.value:.3f} ±{(pr.high - pr.low) / 2:.3f}",
        "" if row.versus is None else f"{row.versus.value:+.3f}{'*' if row.versus.excludes_zero else ''}",
        *(f"{value:.3f}" for value in (row.roc_auc_micro, row.pr_auc_micro, row.f1_macro, row.f1_micro)),
        *(f"{row.parts[part].value:.3f}" for part in parts),
        f"{row.calibration_error:.3f}",
    ]
