"""`evaluate`: how good labels are, of audio whose genres somebody knows, or from arrays of predictions."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from schemas.errors import InvalidSettingError, TrackError
from shared.evaluation.arrays import load_predictions
from shared.evaluation.evaluation import Said, evaluated, plain
from shared.evaluation.label_file import LabeledFile, UnusedLine
from shared.evaluation.pictures import draw_confusion, draw_reliability, require_plots
from workers.cli.console import err, json_line, piped, progress
from workers.cli.evaluation_tables import show_evaluation, show_tagging
from workers.cli.in_process import Labels, labels_of
from workers.cli.labelled import present, read_labels
from workers.cli.tracks import media_roots, tracks_of


def evaluate(
    labels: Annotated[
        Path | None, typer.Argument(metavar="LABELS.tsv", help="Columns file, genre and, optionally, group.")
    ] = None,
    *,
    audio: Annotated[Path | None, typer.Option(help="Folder of the files; that of LABELS.tsv when not given.")] = None,
    group: Annotated[
        str | None, typer.Option(help="The column of what tracks share (artist, source); `group` when not given.")
    ] = None,
    ensemble: Annotated[Path | None, typer.Option(help="Folder of an ensemble.")] = None,
    all_patches: Annotated[
        bool, typer.Option("--all-patches", help="All 3 s patches instead of ten spread ones.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for evaluation.json, confusion.png and reliability.png.")
    ] = None,
    arrays: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Instead of LABELS.tsv: `truth`, predictions[, `names`, `thresholds`]."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All scores and tracks as one object.")] = False,
) -> None:
    """Score labels against what is true: of audio with known genres, or of a tagger's predictions."""
    as_json = as_json or piped()
    if arrays is not None:
        if labels is not None or folder is not None:
            raise InvalidSettingError("--arrays FILE.npz goes without LABELS.tsv and --out; --json prints all scores")
        _evaluate_arrays(arrays, as_json=as_json)
        return
    if labels is None:
        raise InvalidSettingError("evaluate needs LABELS.tsv, or --arrays FILE.npz")
    if folder is not None:
        # Found out before an hour of labelling, not after it.
        require_plots()
        folder.mkdir(parents=True, exist_ok=True)
    table = read_labels(labels, group)
    tracks, missing = present(table.tracks, audio or labels.parent)
    names = [str(path) for _, path in tracks]
    with labels_of(tracks_of(names), media_roots(names), ensemble, all_patches=all_patches) as running:
        said, failed = _said([track for track, _ in tracks], running)
    unused = sorted([*table.unused, *missing, *failed], key=lambda one: one.line)
    for one in unused:
        err.print(f"[yellow]{escape(str(labels))}, line {one.line}:[/] {escape(one.why)}")
    if not said:
        raise InvalidSettingError(f"{labels}: no track is left to score")
    evaluation = evaluated(said, running.genres)
    fields = {
        "ensemble": {"version": running.ensemble.version, "digest": running.ensemble.digest, "genres": running.genres},
        "unused": [{"line": one.line, "why": one.why} for one in unused],
        **evaluation.fields(),
    }
    if folder is not None:
        (folder / "evaluation.json").write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", "utf-8")
        draw_confusion(evaluation.scores, folder / "confusion.png")
        draw_reliability(evaluation.scores, folder / "reliability.png")
    if as_json:
        json_line(fields)
    else:
        show_evaluation(evaluation)


def _said(tracks: Sequence[LabeledFile], running: Labels) -> tuple[list[Said], list[UnusedLine]]:
    said: list[Said] = []
    failed: list[UnusedLine] = []
    with progress() as bar:
        task = bar.add_task("labeling", total=len(tracks))
        for track, outcome in zip(tracks, running.outcomes, strict=True):
            bar.advance(task)
            if isinstance(outcome.labeled, TrackError):
                why = f"{track.file}: {outcome.labeled.reason}: {outcome.labeled}"
                failed.append(UnusedLine(line=track.line, why=why))
                continue
            fused = outcome.labeled.fused
            probabilities = {genre.name: genre.value for genre in fused.genres}
            said.append(Said(track.file, track.genre, track.group, probabilities, fused.unsure))
    return said, failed


def _evaluate_arrays(path: Path, *, as_json: bool) -> None:
    # SciPy takes a second to import, which other commands need not wait for.
    from shared.evaluation.tagging_scores import best_f1_thresholds, tagging_scores

    predictions = load_predictions(path)
    truth, given = predictions.truth, predictions.thresholds
    try:
        scores = {
            model: tagging_scores(truth, said, given or best_f1_thresholds(truth, said).tolist())
            for model, said in predictions.by_model.items()
        }
    except ValueError as error:
        raise InvalidSettingError(f"{path}: {error}") from error
    if as_json:
        by_model = {model: plain(asdict(one)) for model, one in scores.items()}
        json_line({"names": predictions.names, "thresholds_given": given is not None, "scores": by_model})
    else:
        show_tagging(scores, predictions.names, thresholds_given=given is not None)
