"""Which reader reads what a person names."""

from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from training.data.jamendo import is_jamendo_table, jamendo_tables, read_jamendo
from training.data.label_table import read_label_table
from training.data.music4all import Labels, is_music4all, read_music4all
from training.data.prepared import AUDIO_FOLDER, MANIFEST_NAME
from training.data.tracks import DataSet

LABELS_NAME: Final = "LABELS.tsv"


def read_data_set(path: Path, labels: Labels = Labels.GENRES) -> DataSet:
    """Read a Music4All folder, MTG-Jamendo's TSV file or folder of splits, or a LABELS.tsv (or a folder with one).

    Args:
        path: a folder or a file.
        labels: what to learn, where the data set has two kinds (Music4All).
    Raises: InvalidSettingError when it is none of these, cannot be read, or has no track at all.
    """
    found = _read(path, labels)
    if not found.tracks:
        raise InvalidSettingError(f"{path}: not one track ({len(found.faults)} faults)")
    return found


def _read(path: Path, labels: Labels) -> DataSet:
    if path.is_file():
        return read_jamendo({path: None}) if is_jamendo_table(path) else read_label_table(path)
    if not path.is_dir():
        raise InvalidSettingError(f"{path} is neither a folder nor a file")
    if is_music4all(path):
        return read_music4all(path, labels)
    if tables := jamendo_tables(path):
        return read_jamendo(dict(tables))
    if (path / LABELS_NAME).is_file():
        return read_label_table(path / LABELS_NAME)
    if (path / MANIFEST_NAME).is_file():
        raise InvalidSettingError(f"{path} is prepared already: `needledrop train run` takes it")
    if any((path / AUDIO_FOLDER).glob("0*")):
        raise InvalidSettingError(f"{path} was not prepared to the end: `needledrop data prepare` goes on with it")
    raise InvalidSettingError(
        f"{path} is no data set: neither Music4All (id_information.csv and id_genres.csv), nor MTG-Jamendo's splits "
        f"(train.tsv, valid.tsv, test.tsv), nor a folder with a {LABELS_NAME}"
    )
