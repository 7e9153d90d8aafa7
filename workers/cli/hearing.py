"""What an ensemble's members say of audio files, kept: a second run of the same files is a matter of reading them."""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schemas.errors import TrackError
from shared.cores import n_cores
from shared.models.manifest import Ensemble, OutputOf
from shared.settings.loading import loaded
from shared.settings.media import MediaSettings
from workers.cli.in_process import in_order
from workers.cli.tracks import NamedTrack

if TYPE_CHECKING:
    from shared.models.sessions import RunningEnsemble
    from workers.extractor.extraction import Extraction
    from workers.extractor.sources.fetched import Fetched

_EMBEDDING = "embedding/"  # no member is named so: names of arrays of probabilities begin otherwise
_MEMBER = "member/"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTrack:
    """One track's patches.

    Attributes:
        probabilities: by member, (n_patches, n_tags).
        embedding: (n_patches, width), the outputs that were asked for side by side.
    """

    probabilities: Mapping[str, NDArray[np.float32]]
    embedding: NDArray[np.float32]


def heard_tracks(
    tracks: Sequence[NamedTrack], roots: Sequence[Path], ensemble: Ensemble, folder: Path, sources: Sequence[OutputOf]
) -> Iterator[HeardTrack | TrackError]:
    """Let the ensemble hear ``tracks``, one after the other, on all cores; decoded as `label` decodes them.

    Args:
        tracks: which.
        roots: folders that may be read besides those of the settings.
        ensemble: of the folder ``folder``.
        folder: of the ensemble.
        sources: the outputs that make the embedding.
    """
    from concurrent.futures import ThreadPoolExecutor

    from shared.models.sessions import RunningEnsemble
    from workers.extractor.extraction import Extraction
    from workers.extractor.sources.audio_source import AudioSource

    media = loaded(MediaSettings)
    media = media.model_copy(update={"roots": (*media.roots, *roots)})
    n_processes = max(1, min(n_cores(), len(tracks)))
    with (
        Extraction(ensemble, media, n_processes=n_processes) as extraction,
        ThreadPoolExecutor(n_processes) as threads,
    ):
        audio = AudioSource(media)
        hear = _Hearing(RunningEnsemble(ensemble, folder), extraction, sources)

        def work(track: NamedTrack) -> HeardTrack | TrackError:
            try:
                with audio.fetch(track.uri) as fetched:
                    return hear.kept(fetched.content_hash) or hear.keep(fetched.content_hash, hear(fetched))
            except TrackError as error:
                return error

        yield from in_order(threads, work, tracks, ahead=2 * n_processes)


class _Hearing:
    """Runs an ensemble on one file, or finds what it said of the same content before."""

    def __init__(self, running: "RunningEnsemble", extraction: "Extraction", sources: Sequence[OutputOf]) -> None:
        from shared.settings.workers import ModelSettings

        self._running = running
        self._extraction = extraction
        self._sources = sources
        names = "|".join([running.ensemble.digest, extraction.policy, *map(str, sources)])
        self._folder = loaded(ModelSettings).folder / "heard" / hashlib.sha256(names.encode()).hexdigest()[:16]

    def __call__(self, fetched: "Fetched") -> HeardTrack:
        from shared.models.sessions import joined

        extracted = self._extraction(fetched)
        answers = self._running.answers(extracted.segments, [(s.member, s.output) for s in self._sources])
        return HeardTrack(
            probabilities={name: answer.probabilities for name, answer in answers.items()},
            embedding=joined(answers, self._sources),
        )

    def kept(self, content_hash: str) -> HeardTrack | None:
        """What was kept of this content; None where nothing was, or it cannot be read any more."""
        try:
            with np.load(self._path(content_hash), allow_pickle=False) as arrays:
                names = [name for name in arrays.files if name.startswith(_MEMBER)]
                probabilities = {name.removeprefix(_MEMBER): arrays[name] for name in names}
                return HeardTrack(probabilities=probabilities, embedding=arrays[_EMBEDDING])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def keep(self, content_hash: str, heard: HeardTrack) -> HeardTrack:
        """Keep it, if the disk lets us."""
        arrays = {f"{_MEMBER}{name}": array for name, array in heard.probabilities.items()}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **arrays, **{_EMBEDDING: heard.embedding})  # type: ignore[arg-type]
            Path(name).replace(self._path(content_hash))
        except OSError:
            pass  # the next run hears it again
        return heard

    def _path(self, content_hash: str) -> Path:
        return self._folder / f"{content_hash}.npz"
