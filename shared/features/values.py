"""The values that cross from the extractor to the classifier, and those that users get. Plain numbers, JSON-able."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TempoCandidate:
    """Another tempo that the same beats can be counted in: half, double, or in threes."""

    bpm: float
    weight: float  # [0, 0.5]: its share when only the two are compared
