"""A prepared data set: tracks with splits and tags, and their audio in memory-mapped shards.

manifest.json      what it is, and the sha256 of every file beside it
tracks.jsonl       a track a line: id, artist, tags, split, shard, first sample, number of samples, scale, sha256
audio/00000.pcm    the samples of some hundred tracks, one after the other, int16, mono, 16 kHz
audio/00000.json   what was planned for that shard and what came of it: how a killed preparation goes on
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from training.data.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ
from training.data.tracks import Split

MANIFEST_NAME: Final = "manifest.json"
TRACKS_NAME: Final = "tracks.jsonl"
AUDIO_FOLDER: Final = "audio"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTrack:
    """A track and where its samples are."""

    track_id: str
    artist: str | None
    tags: tuple[str, ...]
    split: Split
    shard: int
    first_sample: int
    n_samples: int
    scale: float
    content_hash: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.n_samples / SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A prepared data set, open. Samples are read when they are asked for.

    Attributes:
        form: of what it was prepared from.
        digest: the manifest's sha256: names all audio, labels and splits.
    """

    folder: Path
    form: str
    digest: str
    tracks: tuple[PreparedTrack, ...]

    def of(self, split: Split) -> tuple[PreparedTrack, ...]:
        """The tracks of one split, in their order."""
        return tuple(track for track in self.tracks if track.split is split)

    def samples(self, track: PreparedTrack, first: int = 0, n: int | None = None) -> NDArray[np.float32]:
        """Some of a track's samples, mono at 16 kHz; outside of it they are 0.

        Args:
            track: one of `tracks`.
            first: the first sample, may be negative.
            n: how many; to the end when None.
        """
        n = track.n_samples - first if n is None else n
        start, end = max(first, 0), min(first + n, track.n_samples)
        found = np.zeros(n, np.float32)
        if start < end:
            shard = _mapped(self.folder / AUDIO_FOLDER / f"{track.shard:05}.pcm", self.digest)
            stored = shard[track.first_sample + start : track.first_sample + end]
            np.multiply(stored, np.float32(track.scale), out=found[start - first : end - first])
        return found


@lru_cache(maxsize=4096)
def _mapped(path: Path, _digest: str) -> "np.memmap[tuple[int], np.dtype[np.int16]]":
    """A shard; the digest tells it from an earlier one of the same name."""
    return np.memmap(path, np.int16, mode="r")


def load_prepared(folder: Path, *, verify: bool = False) -> PreparedData:
    """Open a prepared data set.

    Args:
        folder: with its manifest.
        verify: compare every shard with its hash, too; sizes are always compared.
    Raises: InvalidSettingError when it is not prepared, or a file is missing, cut or changed.
    """
    path = folder / MANIFEST_NAME
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
        if manifest["format"] != FORMAT:
            raise InvalidSettingError(f"{path} has the format {manifest['format']}, this is {FORMAT}; prepare again")
        table = (folder / TRACKS_NAME).read_bytes()
        if hashlib.sha256(table).hexdigest() != manifest["tracks_sha256"]:
            raise InvalidSettingError(f"{folder / TRACKS_NAME} is not the file that {path} names; prepare again")
        for shard in manifest["shards"]:
            _check_shard(folder / AUDIO_FOLDER / shard["file"], shard, path, verify=verify)
        tracks = tuple(_track(line) for line in table.decode().splitlines())
        form = str(manifest["form"])
    except OSError as error:
        raise InvalidSettingError(
            f"{folder} is no prepared data set ({error.filename}: {error.strerror}): `needledrop data prepare`"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidSettingError(f"{path} or {TRACKS_NAME} is damaged ({error!r}); prepare again") from error
    return PreparedData(folder, form, hashlib.sha256(content).hexdigest(), tracks)


def save_prepared(
    folder: Path, form: str, tracks: Sequence[PreparedTrack], shards: Sequence[dict[str, object]]
) -> None:
    """Write both tables; the manifest comes last, so what has one is whole."""
    table = "".join(json.dumps(asdict(track), ensure_ascii=False) + "\n" for track in tracks).encode()
    _written(folder / TRACKS_NAME, table)
    manifest = {
        "format": FORMAT,
        "form": form,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "dtype": "int16",
        "n_tracks": len(tracks),
        "tracks_sha256": hashlib.sha256(table).hexdigest(),
        "shards": list(shards),
    }
    _written(folder / MANIFEST_NAME, (json.dumps(manifest, indent=2) + "\n").encode())


def _written(path: Path, content: bytes) -> None:
    staging = path.with_name(path.name + ".part")
    staging.write_bytes(content)
    staging.replace(path)


def _track(line: str) -> PreparedTrack:
    fields = json.loads(line)
    return PreparedTrack(**{**fields, "tags": tuple(fields["tags"]), "split": Split(fields["split"])})


def _check_shard(path: Path, shard: dict[str, object], manifest: Path, *, verify: bool) -> None:
    n_bytes = path.stat().st_size
    if n_bytes != shard["n_samples"] * BYTES_PER_SAMPLE:  # type: ignore[operator]  # JSON
        raise InvalidSettingError(f"{path} has {n_bytes} bytes, {manifest} means another file; prepare again")
    if verify and hashlib.sha256(path.read_bytes()).hexdigest() != shard["sha256"]:
        raise InvalidSettingError(f"{path} is not the file that {manifest} names: its sha256 differs; prepare again")
