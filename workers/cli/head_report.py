"""How a head's trial looks: a table and a verdict for people, JSON for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from shared.evaluation.evaluation import plain
from shared.evaluation.genre_scores import GenreScores
from workers.cli.console import json_line, out, piped
from workers.cli.head_trial import Trial

if TYPE_CHECKING:
    from training.heads.fitting import Example

_FEW_GROUPS = 20  # below, a few lucky or unlucky albums decide


def show_trial(result: Trial, examples: Sequence["Example"], version: str | None, folder: Path) -> None:
    """How good a head is, and where it was written, if it was."""
    groups = {example.group for example in examples}
    contenders = {"without the head": result.zero_shot, "the head alone": result.head, "both": result.both}
    if piped():
        json_line(
            {
                "tracks": len(examples),
                "groups": len(groups),
                "untested_genres": result.untested,
                "scores": {name: _fields(scores) for name, scores in contenders.items()},
                "gain": plain(result.gain),
                "gain_interval": plain([result.interval.low, result.interval.high]),
                "weight": result.weight,
                "version": version,
            }
        )
        return
    n_genres = len({example.genre for example in examples})
    out.print(
        f"{len(examples)} tracks of {n_genres} genres in {len(groups)} groups; each was judged by a head that has "
        "heard nothing of its group."
    )
    table = Table("", "top-1", "balanced", "95 %", "top-3", "ECE", box=None, padding=(0, 2, 0, 0))
    for name, scores in contenders.items():
        interval = scores.intervals["balanced_accuracy"]
        table.add_row(
            name,
            *(f"{value:.2f}" for value in (scores.top1, scores.balanced_accuracy)),
            f"{interval.low:.2f} to {interval.high:.2f}",
            *(f"{value:.2f}" for value in (scores.top3, scores.ece)),
        )
    out.print(table)
    out.print(_verdict(result, len(groups)))
    if version is None:
        out.print("Nothing was written; --anyway writes it.")
        return
    out.print(f"Written: {version}, in which the head weighs {result.weight:g}.")
    out.print(f"  needledrop label --ensemble {folder} PATH", style="dim")
    out.print(f"  NEEDLEDROP_MODELS_ENSEMBLE={folder} needledrop up PATH", style="dim")


def _verdict(result: Trial, n_groups: int) -> str:
    interval = (
        f"{result.gain:+.2f} of balanced accuracy (95 %: {result.interval.low:+.2f} to {result.interval.high:+.2f})"
    )
    alone = f"{result.head.balanced_accuracy:.2f} balanced, where guessing among its genres has {result.guessing:.2f}"
    if result.head.balanced_accuracy <= result.guessing:
        lines = [f"[yellow]The head has learnt nothing that holds for groups it has not heard:[/] {alone}."]
    elif not result.better:
        lines = [f"[yellow]The head makes labels no better:[/] {interval}."]
    elif not result.surely:
        lines = [f"[yellow]The head may help, but that can be luck:[/] {interval}."]
    else:
        lines = [f"[green]The head makes labels better:[/] {interval}."]
    if n_groups < _FEW_GROUPS:
        lines.append(
            f"{n_groups} groups are few to learn from, and to be tested on: more artists help more than more tracks."
        )
    if result.untested:
        lines.append(f"Of one group only, so never met before a test: {', '.join(result.untested)}.")
    return "\n".join(lines)


def _fields(scores: GenreScores) -> dict[str, object]:
    names = ("top1", "top3", "balanced_accuracy", "macro_top3", "ece")
    return {name: plain(getattr(scores, name)) for name in names} | {
        "intervals": {
            name: plain([interval.low, interval.high]) for name, interval in scores.intervals.items() if name in names
        }
    }
