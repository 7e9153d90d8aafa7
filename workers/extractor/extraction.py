"""From fetched bytes to what their signal says, in decoding processes. No Kafka; `needledrop label` uses it, too."""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from schemas.events import Analysed, Audio, AudioFeatures
from shared.extracted import Extracted
from shared.features import FEATURE_VERSION, NO_FEATURES, SignalFeatures, measured
from shared.front_end.patches import N_PATCHES, PATCH_FRAMES
from shared.models.manifest import Ensemble
from shared.settings.media import MediaSettings
from shared.tracing import tracing
from workers.extractor.analysis import Analysis, AnalysisTask, analyse, warm_up
from workers.extractor.decoder_processes import DecoderProcesses, RestartCause
from workers.extractor.decoding import EXCERPT_S, DecodingLimits
from workers.extractor.sources.fetched import Fetched


class Extraction:
    """Analyses files for one ensemble under one policy. Any number of threads may call it. Close it.

    The processes start in the background at once; start it before any Kafka client.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        media: MediaSettings,
        *,
        n_processes: int,
        all_patches: bool = False,
        features: bool = True,
        on_restart: Callable[[RestartCause], object] = str,
    ) -> None:
        """``all_patches``: the networks hear consecutive patches from the start instead of ten spread ones.

        ``features``: whether the audio features are wanted.

        Raises: InvalidSettingError when the ensemble has a front end that decoding does not serve.
        """
        self._task = AnalysisTask(
            limits=DecodingLimits.from_settings(media),
            patch_frames={
                front_end: ensemble.longest_patch_frames(front_end.name) for front_end in ensemble.front_ends
            },
            all_patches=all_patches,
            features=features,
        )
        self._decoders = DecoderProcesses(
            analyse,
            n_processes=n_processes,
            timeout_s=media.decode_timeout_s,
            memory_bytes=media.decode_memory_bytes,
            warm_up=partial(warm_up, self._task),
            on_restart=on_restart,
        )
        how = "all" if all_patches else f"spread{N_PATCHES}"
        of = f"-of{EXCERPT_S:g}s" if media.excerpt_only else ""
        self.policy = f"{how}{of}-cap{media.max_duration_s:g}s"
        """Names what is analysed; part of the key of the result cache."""
        self.features_version = FEATURE_VERSION if features else NO_FEATURES

    def ready(self) -> bool:
        """Whether all processes have started and are warm."""
        return self._decoders.ready()

    def close(self) -> None:
        """End the processes at once, whatever they do."""
        self._decoders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __call__(self, fetched: Fetched) -> Extracted:
        """Analyse one file. Raises: a PermanentError that says what is wrong with it."""
        found = self._decoders.run(self._task, fetched.file)
        tracing.took("decode", found.took.began_ns, found.took.decoded_ns)
        tracing.took("dsp", found.took.decoded_ns, found.took.ended_ns)
        return Extracted(
            audio=Audio(
                content_hash=fetched.content_hash,
                size_bytes=fetched.n_bytes,
                container=f"{found.container}/{found.codec}",
                sample_rate_hz=found.sample_rate_hz,
                n_channels=found.n_channels,
                duration_s=round(found.whole_s, 6),
            ),
            analysed=Analysed(
                policy=self.policy,
                decoded_from_s=round(found.start_s, 6) if found.start_s else None,
                decoded_s=round(found.duration_s, 6),
                cut=found.cut,
                excerpt_start_s=round(found.excerpt_start_s, 6),
                excerpt_duration_s=round(found.excerpt_duration_s, 6),
                n_patches=_n_patches(found),
            ),
            features=_features(found),
            features_version=self.features_version,
            signal=found.signal.as_json(),
            segments=found.segments,
        )


def _features(found: Analysis) -> AudioFeatures:
    if isinstance(found.signal, SignalFeatures):
        return measured(found.signal)
    return AudioFeatures(duration_ms=round(found.whole_s * 1000))


def _n_patches(found: Analysis) -> int:
    """Patches of the default length in the segments; one for a track that is shorter."""
    return max((max(1, sum(one.n_frames) // PATCH_FRAMES) for one in found.segments.values()), default=0)
