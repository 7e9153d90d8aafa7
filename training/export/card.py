"""The model card: what an ensemble was made of and how good it is, for whoever finds the folder."""

from collections.abc import Mapping
from datetime import UTC, datetime

from training.comparison import Comparison, Row
from training.data.prepared import PreparedData
from training.data.tracks import Split
from training.export.calibration import Platt
from training.export.ensemble import Exported


def model_card(
    exported: Exported,
    comparison: Comparison,
    data: PreparedData,
    calibrations: Mapping[str, Platt],
    settings: Mapping[str, object],
) -> str:
    """The card, as Markdown.

    Args:
        exported: the ensemble.
        comparison: its scores.
        data: what it was trained on.
        calibrations: of its members.
        settings: of the run, by name.
    """
    ensemble = exported.ensemble
    lines = [f"# {ensemble.version}", "", f"Trained with needledrop, {datetime.now(UTC):%Y-%m-%d}.", ""]
    lines += [
        "## Data",
        "",
        f"{data.form}, prepared data set {data.digest}. Licence: {ensemble.members[0].licence}.",
        "",
    ]
    for split in Split:
        tracks = data.of(split)
        artists = {track.artist for track in tracks if track.artist}
        lines.append(f"- {split}: {len(tracks)} tracks of {len(artists)} artists")
    lines += ["", f"{len(ensemble.members[0].tags)} tags: {', '.join(ensemble.members[0].tags)}.", ""]
    lines += [f"Genres it can hear: {', '.join(exported.genres) or 'none'}.", ""]
    if exported.unknown_tags:
        unknown = ", ".join(exported.unknown_tags)
        lines += [f"Without a meaning in the taxonomy, so in no label: {unknown}.", ""]
    lines += ["## Training", "", *(f"- {name}: {_said(value)}" for name, value in settings.items()), ""]
    lines += ["## Test split", "", *score_table(comparison), ""]
    gain = comparison.gain["pr_auc"]
    lines += [
        f"The ensemble's PR-AUC is {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] beside its best member.",
        f"(The best on validation, {comparison.best_member}.) Intervals are 95 % of 1,000 resamples of test tracks.",
        "",
        "## Calibration",
        "",
        "Before the sigmoid a member's logits z become a z + b, fitted on validation:",
        "",
        *(f"- {name}: a {platt.slope:.3f}, b {platt.offset:+.3f}" for name, platt in calibrations.items()),
        "",
        f"PyTorch and the ONNX file differ by at most {exported.worst_difference:.1e} in any probability compared.",
    ]
    return "\n".join(lines) + "\n"


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def score_table(comparison: Comparison) -> list[str]:
    """All rows as a Markdown table."""
    parts = list(comparison.rows[0].parts)
    head = ["", "ROC-AUC", "PR-AUC", "beside BCE", "ROC micro", "PR micro", "F1", "F1 micro", *parts, "ECE"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(_cells(row, parts))} |" for row in comparison.rows)]


def _cells(row: Row, parts: list[str]) -> list[str]:
    roc, pr = row.intervals["roc_auc"], row.intervals["pr_auc"]
    return [
        row.name if row.kind == "member" else f"**{row.name}**",
        f"{roc.value:.3f} [{roc.low:.3f}, {roc.high:.3f}]",
        f"{pr.value:.3f} [{pr.low:.3f}, {pr.high:.3f}]",
        "" if row.versus is None else f"{row.versus.value:+.4f} [{row.versus.low:+.4f}, {row.versus.high:+.4f}]",
        *(f"{value:.3f}" for value in (row.roc_auc_micro, row.pr_auc_micro, row.f1_macro, row.f1_micro)),
        *(f"{row.parts[part].value:.3f}" for part in parts),
        f"{row.calibration_error:.3f}",
    ]
