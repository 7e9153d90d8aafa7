"""What a track is, from what the extractor found: runs the ensemble and fuses its answers. No Kafka, no Redis."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.events import (
    Analysed,
    AudioFeatures,
    GenreProbability,
    SegmentGenres,
    TagProbability,
    Tags,
    TrackResult,
    Versions,
)
from schemas.taxonomy import Taxonomy, default_taxonomy
from shared.extracted import Extracted
from shared.features import NO_FEATURES, Presence, SignalFeatures, complete, spoken_in_signal
from shared.features.calibration import Calibration
from shared.front_end.patches import Segments
from shared.models.sessions import RunningEnsemble, joined, patch_mean
from shared.tracing import tracing
from workers.classifier.evidence import Member
from workers.classifier.fused import Fused, Heard, Scored
from workers.classifier.fusion import Fusion
from workers.classifier.parameters import FusionParameters
from workers.classifier.sound import variation_db

# Probabilities in events: finer digits are noise of the models, and 200 of them fill the compacted topic.
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Labeled:
    """A result, and what only people and tools at hand want to know."""

    result: TrackResult
    fused: Fused
    members: Mapping[str, NDArray[np.float32]]
    """Each member's mean over the patches, shape (n_tags,)."""
    tags: Mapping[str, tuple[str, ...]]
    """The tags of those numbers."""
    inference_s: float


class Labeler:
    """An ensemble with its taxonomy and its fusion. Any number of threads may call it."""

    def __init__(
        self, running: RunningEnsemble, taxonomy: Taxonomy | None = None, *, calibration: Calibration | None = None
    ) -> None:
        """``calibration``: of the features' scales, for this ensemble.

        Raises InvalidSettingError when the manifest's fusion parameters or tags are of no use.
        """
        self._running = running
        self._taxonomy = taxonomy or default_taxonomy()
        ensemble = running.ensemble
        members = [
            Member(name=member.name, vocabulary=member.vocabulary or "", tags=member.tags, weight=member.weight)
            for member in ensemble.members
        ]
        self._fusion = Fusion(self._taxonomy, members, FusionParameters.from_mapping(ensemble.fusion))
        self._digest = ensemble.digest
        self._calibration = calibration
        self._tags = {member.name: member.tags for member in ensemble.members}

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres that the ensemble can hear."""
        return self._fusion.genres

    def __call__(self, extracted: Extracted) -> Labeled:
        """Label one content. Raises: InvalidFeaturesError when the ensemble needs a tensor that is not there."""
        began = time.monotonic()
        sent = self._running.ensemble.label_embedding
        with tracing.step("inference"):
            answers = self._running.answers(extracted.segments, [(sent.member, sent.output)] if sent else ())
        probabilities = {name: answer.probabilities for name, answer in answers.items()}
        inference_s = time.monotonic() - began
        wanted = extracted.features_version != NO_FEATURES
        signal = SignalFeatures.from_json(extracted.signal) if wanted else None
        heard = _heard(extracted, signal)
        fused = self._fusion({name: patches.astype(np.float64) for name, patches in probabilities.items()}, heard)
        members = {name: patch_mean(patches) for name, patches in probabilities.items()}
        result = self._result(extracted, signal, fused, members)
        if sent:
            result = result.model_copy(update={"embedding": _embedding(joined(answers, [sent]))})
        return Labeled(
            result=result,
            fused=fused,
            members=members,
            tags=self._tags,
            inference_s=inference_s,
        )

    def _result(
        self,
        extracted: Extracted,
        signal: SignalFeatures | None,
        fused: Fused,
        members: Mapping[str, NDArray[np.float32]],
    ) -> TrackResult:
        features = extracted.features
        if signal:
            features = complete(signal, (self._by_tag(name, said) for name, said in members.items()))
        version = extracted.features_version
        # An extractor of another version may still be at work while a new one is rolled out: its values stay as is.
        if self._calibration is not None and self._calibration.features_version == version:
            features, version = self._calibration(features), self._calibration.version
        return TrackResult(
            genres=tuple(_genres(fused.genres)),
            unsure=fused.unsure,
            disagreement=round(fused.disagreement, _DIGITS),
            tags=_tags(fused),
            features=features,
            segments=_segments(fused, extracted.analysed) if fused.changes else None,
            audio=extracted.audio,
            analysed=extracted.analysed,
            versions=Versions(
                ensemble=self._running.ensemble.version,
                ensemble_digest=self._digest,
                features=version,
                taxonomy=self._taxonomy.version,
            ),
        )

    def _by_tag(self, member: str, probabilities: NDArray[np.float32]) -> dict[str, float]:
        return dict(zip(self._tags[member], probabilities.tolist(), strict=True))


def _heard(extracted: Extracted, signal: SignalFeatures | None) -> Heard:
    presence = None if signal else Presence.from_json(extracted.signal)
    loudness_db, spoken = None, None
    if signal:
        loudness_db, spoken = _loudness(extracted.features), spoken_in_signal(signal)
    elif presence:
        loudness_db, spoken = presence.level_db, presence.spoken
    return Heard(
        seconds=extracted.analysed.decoded_s,
        loudness_db=loudness_db,
        speechiness=spoken,
        variation_db=_variation_db(extracted.segments),
    )


def _loudness(features: AudioFeatures) -> float:
    # Absent means that no block was above BS.1770's gate at -70 LUFS.
    return features.loudness if features.loudness is not None else float("-inf")


def _variation_db(segments: Mapping[str, Segments]) -> float | None:
    """How much the sound changes, by the first front end there is: noise does not, music does."""
    return next((variation_db(one.power, one.front_end.frame_s) for one in segments.values()), None)


def _embedding(patches: NDArray[np.float32]) -> str:
    """The mean over patches (n_patches, width) as the event carries it; beyond float16 it is clipped, not infinite."""
    largest = np.finfo(np.float16).max
    mean = np.clip(patch_mean(patches), -largest, largest).astype("<f2")
    return base64.b64encode(mean.tobytes()).decode("ascii")


def _genres(scored: tuple[Scored, ...]) -> list[GenreProbability]:
    return [GenreProbability(genre=one.name, probability=_rounded(one.value)) for one in scored]


def _tags(fused: Fused) -> Tags:
    by_kind = {
        kind: tuple(TagProbability(tag=one.name, probability=_rounded(one.value)) for one in scored)
        for kind, scored in fused.tags.items()
        if kind in Tags.model_fields
    }
    return Tags(**by_kind)


def _segments(fused: Fused, analysed: Analysed) -> tuple[SegmentGenres, ...]:
    began_s = analysed.decoded_from_s or 0.0
    return tuple(
        SegmentGenres(
            start_s=round(began_s + segment.start * analysed.decoded_s, 2),
            duration_s=round((segment.end - segment.start) * analysed.decoded_s, 2),
            genres=tuple(_genres(segment.genres)),
        )
        for segment in fused.segments
    )


def _rounded(probability: float) -> float:
    return min(1.0, max(0.0, round(probability, _DIGITS)))
