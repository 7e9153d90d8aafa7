"""Music for benchmarks: clips of 30 s cut from a folder, and any number of files with contents of their own."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import soundfile

from workers.cli.tracks import tracks_of

CLIP_S: Final = 30.0  # what taggers are trained on and previews are cut to: ten patches for everybody
_BLOCK_FRAMES: Final = 65_536  # libsndfile's Vorbis encoder overflows its stack on much more at once


def clips_of(source: Path, target: Path, *, seconds: float = CLIP_S) -> list[Path]:
    """Cut the first ``seconds`` of every file of ``source`` that has 30 s, as Ogg Vorbis at its own rate."""
    target.mkdir(parents=True, exist_ok=True)
    clips = []
    for track in tracks_of([str(source)]):
        if track.path is None or soundfile.info(track.path).duration < CLIP_S:
            continue
        clip = target / f"{track.path.stem}.ogg"
        with soundfile.SoundFile(track.path) as audio:
            n_frames = round(seconds * audio.samplerate)
            with soundfile.SoundFile(clip, "w", audio.samplerate, audio.channels, "VORBIS", format="OGG") as cut:
                for block in audio.blocks(_BLOCK_FRAMES, frames=n_frames, dtype="float32", always_2d=True):
                    cut.write(block)
        clips.append(clip)
    if not clips:
        raise SystemExit(f"{source} has no file of {CLIP_S:g} s or more")
    return clips


def distinct_copies(clips: Sequence[Path], target: Path, n: int, *, first: int = 0) -> list[Path]:
    """``n`` copies of the clips in turn, each with bytes of its own behind its audio: another content, as much work."""
    target.mkdir(parents=True, exist_ok=True)
    copies = []
    for index in range(first, first + n):
        original = clips[index % len(clips)]
        copy = target / f"{index:06d}{original.suffix}"
        shutil.copyfile(original, copy)
        with copy.open("ab") as file:
            file.write(f"needledrop benchmark {index}".encode())
        copies.append(copy)
    return copies
