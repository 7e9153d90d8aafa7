"""Reading a checkpoint: the published ones, and damaged copies of one."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from shared.models.bundle import read_bundle
from shared.models.published import package_folder

INDEX, DATA = ".index", ".data-00000-of-00001"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of a published checkpoint, to be damaged."""
    for name in (INDEX, DATA):
        shutil.copy(package_folder() / "MTT_vgg" / name, tmp_path / name)
    return tmp_path


def test_bundle_has_the_tensors_of_the_architecture() -> None:
    weights = read_bundle(package_folder() / "MSD_musicnn")

    shapes = {name: array.shape for name, array in weights.items() if "Adam" not in name and "batch" not in name}
    assert shapes == {
        "beta1_power": (),
        "beta2_power": (),
        "conv2d/kernel": (7, 38, 1, 204),
        "conv2d_1/kernel": (7, 67, 1, 204),
        "conv2d_2/kernel": (128, 1, 1, 51),
        "conv2d_3/kernel": (64, 1, 1, 51),
        "conv2d_4/kernel": (32, 1, 1, 51),
        "conv2d_5/kernel": (7, 561, 1, 64),
        "conv2d_6/kernel": (7, 64, 1, 64),
        "conv2d_7/kernel": (7, 64, 1, 64),
        "dense/kernel": (1506, 200),
        "dense_1/kernel": (200, 50),
        **{f"conv2d{suffix}/bias": (204,) for suffix in ("", "_1")},
        **{f"conv2d_{number}/bias": (51,) for number in (2, 3, 4)},
        **{f"conv2d_{number}/bias": (64,) for number in (5, 6, 7)},
        "dense/bias": (200,),
        "dense_1/bias": (50,),
    }


def test_bundle_has_values_that_training_leaves_behind() -> None:
    weights = read_bundle(package_folder() / "MTT_vgg")

    assert all(np.isfinite(array).all() for array in weights.values())
    assert all((array >= 0).all() for name, array in weights.items() if name.endswith("moving_variance"))
    # One tensor lies behind the other without gaps, so their sizes sum to the file's.
    assert sum(array.nbytes for array in weights.values()) == (package_folder() / "MTT_vgg" / DATA).stat().st_size


def test_bundle_is_refused_when_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"\.index.*No such file"):
        read_bundle(tmp_path)


def test_bundle_is_refused_when_the_data_are_cut_short(copied: Path) -> None:
    (copied / DATA).write_bytes((copied / DATA).read_bytes()[:-4])

    with pytest.raises(InvalidSettingError, match="cut short: dense/kernel"):
        read_bundle(copied)


@pytest.mark.parametrize(
    ("start", "replacement"),
    [
        (-8, b"notmagic"),
        (0, b"\xff" * 40),  # lengths beyond the block
        (2908, b"\x01"),  # the data block's trailer: compressed
    ],
)
def test_bundle_is_refused_when_the_index_is_damaged(copied: Path, start: int, replacement: bytes) -> None:
    index = bytearray((copied / INDEX).read_bytes())
    start %= len(index)
    index[start : start + len(replacement)] = replacement
    (copied / INDEX).write_bytes(index)

    with pytest.raises(InvalidSettingError, match=r"\.index is not an index"):
        read_bundle(copied)


def test_bundle_is_refused_when_a_tensor_is_not_float32(copied: Path) -> None:
    index = (copied / INDEX).read_bytes()
    # 1CNN/bias: dtype 1 (float), a shape of one dimension, 128.
    assert index.count(b"1CNN/bias\x08\x01\x12\x05") == 1
    (copied / INDEX).write_bytes(index.replace(b"1CNN/bias\x08\x01\x12\x05", b"1CNN/bias\x08\x02\x12\x05"))

    with pytest.raises(InvalidSettingError, match="1CNN/bias is not one float32 tensor"):
        read_bundle(copied)
