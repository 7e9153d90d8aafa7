"""Label files as commands take them: the table, and the audio beside it."""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import InvalidSettingError
from schemas.taxonomy import default_taxonomy
from shared.evaluation.label_file import LabeledFile, LabelFile, UnusedLine, label_file


def read_labels(labels: Path, group: str | None) -> LabelFile:
    """What a label file says. Raises: InvalidSettingError when it cannot be read, or a column is missing."""
    try:
        with labels.open(encoding="utf-8", newline="") as lines:
            return label_file(lines, default_taxonomy(), group)
    except OSError as error:
        raise InvalidSettingError(f"{labels}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidSettingError(f"{labels} is not UTF-8: {error}") from error


def present(tracks: Sequence[LabeledFile], folder: Path) -> tuple[list[tuple[LabeledFile, Path]], list[UnusedLine]]:
    """The tracks whose audio is there, with its path, and the lines of the others.

    Raises: InvalidSettingError when there is none.
    """
    present: list[tuple[LabeledFile, Path]] = []
    missing: list[UnusedLine] = []
    for track in tracks:
        path = folder / track.file
        if path.is_file():
            present.append((track, path))
        else:
            missing.append(UnusedLine(line=track.line, why=f"{track.file} is not in {folder}"))
    if not present:
        raise InvalidSettingError(f"none of the {len(tracks)} labelled files is in {folder}; --audio names another one")
    return present, missing
