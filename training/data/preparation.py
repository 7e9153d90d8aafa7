"""Decodes a data set once, in parallel, into shards; a killed preparation goes on where it was.

How a file is decoded is the caller's: the command line brings the extractor's own decoder processes, so that training
hears what the pipeline hears and a file that crashes a decoder costs nothing else.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

from schemas.errors import InvalidSettingError, TrackError
from training.data.pcm import PreparedAudio
from training.data.prepared import AUDIO_FOLDER, MANIFEST_NAME, PreparedTrack, save_prepared
from training.data.splits import with_splits
from training.data.tracks import DataSet, Fault, FaultKind, Track

# 256 clips of 30 s are 246 MB: few files even of 100,000 clips, and little is lost when one is begun again.
TRACKS_A_SHARD: Final = 256

Decode: TypeAlias = Callable[[Path], PreparedAudio]  # thread-safe; raises TrackError or OSError
Json: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What became of a preparation."""

    n_tracks: int
    n_decoded: int  # this time; the others were there
    faults: tuple[Fault, ...]  # `where` is the track's id


def prepare(
    data: DataSet,
    folder: Path,
    decode: Decode,
    *,
    seed: int,
    n_threads: int,
    done: Callable[[int], object] = int,
) -> Prepared:
    """Write the prepared data set; tracks without tags or usable audio are left out.

    Args:
        data: its own splits are kept; without them, artists are divided.
        folder: of the prepared data set; what is there already of the same tracks is not decoded again.
        decode: makes samples of a file.
        seed: of the splits.
        n_threads: that call ``decode`` at the same time.
        done: told how many tracks were dealt with, again and again.
    Raises: InvalidSettingError when not one track is left, or the folder cannot be written.
    """
    tagged = [track for track in data.tracks if track.tags]
    if not tagged:
        raise InvalidSettingError(f"{data.root}: no track has tags")
    split = tagged if data.has_splits else with_splits(tagged, seed)
    try:
        return _prepared(data, split, folder, decode, n_threads, done)
    except OSError as error:
        raise InvalidSettingError(f"cannot write into {folder}: {error.strerror or error}") from error


def audio_faults(data: DataSet, decode: Decode, *, n_threads: int, done: Callable[[int], object] = int) -> list[Fault]:
    """Decode everything and keep nothing: tracks (`where`) whose audio is missing or cannot be decoded."""
    faults: list[Fault] = []
    with ThreadPoolExecutor(n_threads) as threads:
        for fault in threads.map(lambda track: _fault_of(track, decode), data.tracks):
            faults += [fault] if fault else []
            done(1)
    return faults


def _prepared(
    data: DataSet, tracks: Sequence[Track], folder: Path, decode: Decode, n_threads: int, done: Callable[[int], object]
) -> Prepared:
    audio = folder / AUDIO_FOLDER
    audio.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST_NAME).unlink(missing_ok=True)  # until all is right again
    prepared: list[PreparedTrack] = []
    shards: list[Json] = []
    faults: list[Fault] = []
    n_decoded = 0
    with ThreadPoolExecutor(n_threads) as threads:
        for number, start in enumerate(range(0, len(tracks), TRACKS_A_SHARD)):
            of_shard = tracks[start : start + TRACKS_A_SHARD]
            path = audio / f"{number:05}.pcm"
            record = _earlier(path, _plan(of_shard))
            if record is None:
                record = _write_shard(path, of_shard, decode, threads, done)
                n_decoded += len(of_shard)
            else:
                done(len(of_shard))
            faults += [_fault(fields) for fields in cast("list[dict[str, str]]", record["faults"])]
            shards.append({"file": path.name, "sha256": record["sha256"], "n_samples": record["n_samples"]})
            prepared += _tracks_of(record, of_shard, number)
    if not prepared:
        raise InvalidSettingError(f"{data.root}: of {len(tracks)} tracks with tags not one has audio; {faults[0].why}")
    for stale in list(audio.glob("*.pcm")):
        if int(stale.stem) >= len(shards):  # of a larger data set that was here before
            stale.unlink()
    save_prepared(folder, data.form, prepared, shards)
    return Prepared(n_tracks=len(prepared), n_decoded=n_decoded, faults=tuple(faults))


def _fault(fields: Mapping[str, str]) -> Fault:
    return Fault(kind=FaultKind(fields["kind"]), where=fields["where"], why=fields["why"])


def _plan(tracks: Sequence[Track]) -> str:
    """Names the files of a shard as they are: another size or time of change is another file."""
    plan = hashlib.sha256()
    for track in tracks:
        stat = track.audio.stat() if track.audio.is_file() else None
        said = [track.track_id, str(track.audio), stat and stat.st_size, stat and stat.st_mtime_ns]
        plan.update(json.dumps(said).encode())
    return plan.hexdigest()


def _earlier(path: Path, plan: str) -> Json | None:
    """What an earlier preparation noted about this shard, if it is of these files and the samples are there."""
    try:
        record: Json = json.loads(path.with_suffix(".json").read_bytes())
        same = record["plan"] == plan and path.stat().st_size == cast("int", record["n_samples"]) * 2
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if same else None


def _write_shard(
    path: Path, tracks: Sequence[Track], decode: Decode, threads: ThreadPoolExecutor, done: Callable[[int], object]
) -> Json:
    plan, digest = _plan(tracks), hashlib.sha256()
    places: list[Json] = []
    faults: list[Json] = []
    first = 0
    staging = path.with_suffix(".part")
    with staging.open("wb") as file:
        for track, outcome in zip(tracks, _outcomes(tracks, decode, threads), strict=True):
            if isinstance(outcome, Fault):
                faults.append(cast("Json", asdict(outcome)))
            else:
                content = outcome.samples.tobytes()
                file.write(content)
                digest.update(content)
                n_samples = outcome.samples.size
                place = {"track_id": track.track_id, "first_sample": first, "n_samples": n_samples}
                places.append({**place, "scale": outcome.scale, "content_hash": outcome.content_hash})
                first += n_samples
            done(1)
    record: Json = {"plan": plan, "sha256": digest.hexdigest(), "n_samples": first, "tracks": places, "faults": faults}
    staging.replace(path)
    path.with_suffix(".json").write_text(json.dumps(record))  # last: a shard without it is begun again
    return record


def _outcomes(tracks: Sequence[Track], decode: Decode, threads: ThreadPoolExecutor) -> Iterator[PreparedAudio | Fault]:
    return threads.map(lambda track: _outcome(track, decode), tracks)


def _outcome(track: Track, decode: Decode) -> PreparedAudio | Fault:
    try:
        return decode(track.audio)
    except OSError as error:
        why = f"{track.audio}: {error.strerror or error}"
        return Fault(kind=FaultKind.MISSING_AUDIO, where=track.track_id, why=why)
    except TrackError as error:
        return Fault(kind=FaultKind.UNDECODABLE, where=track.track_id, why=f"{track.audio}: {error}")


def _fault_of(track: Track, decode: Decode) -> Fault | None:
    outcome = _outcome(track, decode)
    return outcome if isinstance(outcome, Fault) else None


def _tracks_of(record: Json, tracks: Sequence[Track], shard: int) -> Iterator[PreparedTrack]:
    """The shard's tracks with today's labels and splits: those may change without decoding anything again."""
    by_id = {track.track_id: track for track in tracks}
    for place in cast("list[dict[str, object]]", record["tracks"]):
        track = by_id[cast("str", place["track_id"])]
        if track.split is None:  # has_splits or with_splits
            raise AssertionError(track)
        yield PreparedTrack(artist=track.artist, tags=track.tags, split=track.split, shard=shard, **place)  # type: ignore[arg-type]
