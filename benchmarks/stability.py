"""Whether the same song has the same audio features, however it is coded and however loud it is.

    python -m benchmarks.stability --music folder

Each file is written as WAV of floats (what the others are compared with), FLAC, MP3 of 128 kbit/s, and 3 dB louder and
softer (as floats, so that nothing clips), and all of them go through the product's own path. Bounds, of issue and
documentation alike: key, mode and meter the same, tempo within 1 %, what lies in [0, 1] within 0.05.
"""

import argparse
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.report import heading, write
from schemas.errors import TrackError
from schemas.events import AudioFeatures
from shared.features import DEFINITIONS
from workers.cli.in_process import labels_of
from workers.cli.tracks import media_roots, tracks_of

Stereo = npt.NDArray[np.float32]

UNIT: Final = [one.name for one in DEFINITIONS if (one.low, one.high) == (0.0, 1.0)]
GAIN_DB: Final = 3.0
PLAIN: Final = "plain.wav"
VARIANTS: Final = ("flac.flac", "mp3.mp3", "louder.wav", "softer.wav")
LARGEST_CHANGE: Final = 0.05
LARGEST_TEMPO_RATIO: Final = 1.01


def main() -> int:
    """Print the table, keep it as JSON; 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True)
    music = parser.parse_args().music
    found: dict[str, dict[str, AudioFeatures]] = {}
    for track in tracks_of([str(music)]):
        if track.path is not None:
            found[track.path.stem] = variants_of(track.path)
    print(f"{len(found)} tracks; the largest change of each feature")
    print(f"{'':<8}" + "".join(f"{name:>18}" for name in UNIT))
    changes = {variant.partition(".")[0]: largest_changes(found.values(), variant) for variant in VARIANTS}
    for variant, largest in changes.items():
        print(f"{variant:<8}" + "".join(f"{largest[name]:>18.3f}" for name in UNIT))
    differing = [line for stem, features in found.items() for line in differences(stem, features)]
    print("\n".join(differing) or "key, mode and meter are the same in all of them, and tempo within 1 %")
    write("stability", {**heading(), "n_tracks": len(found), "largest_changes": changes, "differing": differing})
    too_large = any(change > LARGEST_CHANGE for largest in changes.values() for change in largest.values())
    return 1 if differing or too_large else 0


def variants_of(path: Path) -> dict[str, AudioFeatures]:
    """The features of one song in all variants, by variant. Raises: SystemExit, when one cannot be heard."""
    sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    with tempfile.TemporaryDirectory(prefix="needledrop-stability-") as name:
        folder = Path(name)
        gain = np.float32(10 ** (GAIN_DB / 20))
        for file, samples in ((PLAIN, sound), ("louder.wav", sound * gain), ("softer.wav", sound / gain)):
            soundfile.write(folder / file, samples, rate_hz, subtype="FLOAT")
        soundfile.write(folder / "flac.flac", sound, rate_hz)
        write_mp3(folder / "mp3.mp3", sound, rate_hz)
        found = {}
        with labels_of(tracks_of([str(folder)]), media_roots([str(folder)]), None) as labels:
            for outcome in labels.outcomes:
                if isinstance(outcome.labeled, TrackError):
                    raise SystemExit(f"{path.name} as {outcome.track.track_id}: {outcome.labeled}")
                found[Path(outcome.track.track_id).name] = outcome.labeled.result.features
        return found


def write_mp3(path: Path, sound: Stereo, rate_hz: int) -> None:
    """128 kbit/s; shape (n_frames, n_channels), of which at most two are kept."""
    channels = np.ascontiguousarray(sound[:, :2].T)
    layout = "mono" if len(channels) == 1 else "stereo"
    with av.open(str(path), "w", format="mp3") as file:
        stream = file.add_stream("mp3", rate=rate_hz, layout=layout)
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)


def largest_changes(songs: Collection[Mapping[str, AudioFeatures]], variant: str) -> dict[str, float]:
    """By feature, the largest difference of this variant to the plain file, over all tracks."""
    return {
        name: max(abs(getattr(song[variant], name) - getattr(song[PLAIN], name)) for song in songs) for name in UNIT
    }


def differences(stem: str, song: Mapping[str, AudioFeatures]) -> list[str]:
    """One line for each variant whose key, mode, meter or tempo is another."""
    plain = song[PLAIN]
    lines = []
    for variant in VARIANTS:
        other = song[variant]
        named = [
            f"{name} {getattr(plain, name)} -> {getattr(other, name)}"
            for name in ("key", "mode", "time_signature")
            if getattr(plain, name) != getattr(other, name)
        ]
        tempo, its_tempo = plain.tempo or 0.0, other.tempo or 0.0
        low, high = sorted((tempo, its_tempo))
        if high > low * LARGEST_TEMPO_RATIO:
            confidence = (plain.confidence or {}).get("tempo", 0.0)
            named.append(f"tempo {tempo:.1f} -> {its_tempo:.1f}, confidence {confidence:.2f}")
        if named:
            lines.append(f"{stem} as {variant.partition('.')[0]}: {'; '.join(named)}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
