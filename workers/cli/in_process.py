"""Labels without Kafka and Redis: what extractor and classifier do, one after the other in this process."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from schemas.errors import TrackError
from shared.cores import n_cores
from shared.features.calibration import load_calibration
from shared.models.manifest import Ensemble
from shared.settings.loading import loaded
from shared.settings.media import MediaSettings
from shared.settings.workers import FeatureSettings
from workers.cli.ensembles import chosen_ensemble
from workers.cli.tracks import NamedTrack

if TYPE_CHECKING:
    from workers.classifier.labeler import Labeled


Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one track."""

    track: NamedTrack
    labeled: "Labeled | TrackError"


@dataclass(frozen=True, slots=True)
class Labels:
    """Tracks being labelled.

    Attributes:
        ensemble: that labels them.
        genres: that it can hear.
        outcomes: one a track, in the order of the tracks, as they come.
    """

    ensemble: Ensemble
    genres: tuple[str, ...]
    outcomes: Iterator[Outcome]


@contextmanager
def labels_of(
    tracks: Sequence[NamedTrack],
    roots: Sequence[Path],
    folder: Path | None,
    *,
    all_patches: bool = False,
    calibrated: bool = True,
    features: bool = True,
) -> Iterator[Labels]:
    """Label ``tracks`` on all cores until the block ends.

    Args:
        tracks: what to label.
        roots: folders that may be read besides those of the settings: whoever names a file at the prompt may read it.
        folder: of an ensemble; that of the settings, or the default one, when None.
        all_patches: of each track, instead of ten that are spread over it.
        calibrated: bring features to the scale that the settings name, if they name one.
        features: compute the audio features.

    Raises: InvalidSettingError when the ensemble or the calibration is of no use.
    """
    from shared.models.sessions import RunningEnsemble
    from workers.classifier.labeler import Labeler
    from workers.extractor.extraction import Extraction
    from workers.extractor.sources.audio_source import AudioSource

    described, place = chosen_ensemble(folder)
    wanted = loaded(FeatureSettings).calibration if calibrated else None
    calibration = load_calibration(wanted, described.digest)
    media = loaded(MediaSettings)
    media = media.model_copy(update={"roots": (*media.roots, *roots)})
    n_processes = max(1, min(n_cores(), len(tracks)))
    with (
        Extraction(described, media, n_processes=n_processes, all_patches=all_patches, features=features) as extraction,
        ThreadPoolExecutor(n_processes) as threads,
    ):
        source = AudioSource(media)
        labeler = Labeler(RunningEnsemble(described, place), calibration=calibration)

        def work(track: NamedTrack) -> Outcome:
            try:
                with source.fetch(track.uri) as fetched:
                    return Outcome(track, labeler(extraction(fetched)))
            except TrackError as error:
                return Outcome(track, error)

        # As many ahead as keep all cores busy: memory does not grow with the folder.
        yield Labels(described, labeler.genres, in_order(threads, work, tracks, ahead=2 * n_processes))


def in_order(
    threads: ThreadPoolExecutor, work: Callable[[NamedTrack], Done], tracks: Sequence[NamedTrack], *, ahead: int
) -> Iterator[Done]:
    """What work makes of each track, in their order; no more than ``ahead`` are begun before they are asked for."""
    waiting: list[Future[Done]] = []
    for track in tracks:
        waiting.append(threads.submit(work, track))
        if len(waiting) > ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
