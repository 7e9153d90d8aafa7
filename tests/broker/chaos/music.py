"""Short excerpts of real music, and files that are none."""

from pathlib import Path

import numpy as np
import soundfile

EXCERPT_S = 3.2
"""One patch of the CNNs."""


def excerpts(source: Path, folder: Path, n: int, rng: np.random.Generator) -> list[Path]:
    """Write ``n`` different excerpts of the audio files below ``source``."""
    tracks = sorted(path for path in source.rglob("*") if path.suffix.lower() in {".ogg", ".flac", ".wav"})
    if not tracks:
        raise SystemExit(f"no .ogg, .flac or .wav below {source}")
    written = []
    for number in range(n):
        with soundfile.SoundFile(tracks[number % len(tracks)]) as track:
            n_frames = min(int(EXCERPT_S * track.samplerate), track.frames)
            track.seek(int(rng.integers(0, max(track.frames - n_frames, 0) + 1)))
            path = folder / f"excerpt-{number}.ogg"
            # A sample more or less makes another content of an excerpt that was drawn twice.
            soundfile.write(path, track.read(n_frames - number // len(tracks)), track.samplerate)
        written.append(path)
    return written


def bad_files(folder: Path, rng: np.random.Generator) -> dict[str, Path]:
    """Files whose tracks must fail, by the reason."""
    garbage, empty = folder / "garbage.ogg", folder / "empty.ogg"
    garbage.write_bytes(rng.bytes(20_000))
    empty.touch()
    return {"undecodable_audio": garbage, "empty_audio": empty, "not_found": folder / "nothing-here.ogg"}
