"""Small data sets of the exact formats, faults included; PyTorch on one thread."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

WriteClip = Callable[..., Path]

# Genres of the synthetic Music4All, by the pitch that its clips have; the first is in every clip's cell.
GENRES = ("rock", "jazz", "techno", "folk")
N_CLIPS = 36
UNDECODABLE, NO_GENRE, MISSING, TWICE = 3, 7, 11, 5


def clip_id(i: int) -> str:
    """16 letters and digits, as Music4All's."""
    return f"{i:04}fFIM1eYThaPg"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks are not worth two threads, which wait for each other on a machine that does other things."""
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def write_clip() -> WriteClip:
    """Writes a second or more of a chord whose pitch and brightness say what it is, in the format of its name."""

    def write(path: Path, *, kind: int, seed: int, seconds: float = 1.5, rate_hz: int = 16_000) -> Path:
        rng = np.random.default_rng([seed, kind])
        t = np.arange(int(seconds * rate_hz)) / rate_hz
        base = 110.0 * 2.0 ** (kind + rng.uniform(-0.1, 0.1))
        tone = sum(np.sin(2 * np.pi * base * n * t + rng.uniform(0, 6)) / n for n in range(1, 4))
        beat = 0.5 + 0.5 * np.sin(2 * np.pi * (2 + kind) * t) ** 2
        noise = rng.standard_normal(t.size) * 0.05
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, (0.25 * tone * beat + noise).astype(np.float32), rate_hz)
        return path

    return write


@pytest.fixture(scope="session")
def music4all(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Path:
    """A Music4All folder in small: its tables, its audio, and one of each of its faults."""
    folder = tmp_path_factory.mktemp("music4all")
    information, genres, tags, languages = ["id\tartist\tsong\talbum_name"], ["id\tgenres"], ["id\ttags"], ["id\tlang"]
    for i in range(N_CLIPS):
        kind, track = i % len(GENRES), clip_id(i)
        information.append(f"{track}\tArtist, {i // 3}\tSong no. {i}\tAlbum")
        cell = "" if i == NO_GENRE else ",".join(dict.fromkeys([GENRES[kind], GENRES[0] if i % 2 else GENRES[kind]]))
        genres.append(f"{track}\t{cell}")
        tags.append(f"{track}\tsad,beautiful songs" if i % 2 else f"{track}\thappy")
        languages.append(f"{track}\t{'INTRUMENTAL' if i < 4 else 'en'}")
        audio = folder / "audios" / f"{track}.mp3"
        if i == UNDECODABLE:
            audio.parent.mkdir(exist_ok=True)
            audio.write_bytes(bytes(range(256)) * 40)
        elif i != MISSING:
            write_clip(audio, kind=kind, seed=i)
    information.append(information[1 + TWICE])
    for name, lines in (("information", information), ("genres", genres), ("tags", tags), ("lang", languages)):
        (folder / f"id_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
