"""What a track sounds like, on Spotify's scale: one definition each, filled by the extractor and the classifier."""

from shared.features.completion import complete, measured
from shared.features.definitions import DEFINITIONS, Definition
from shared.features.tagged import spoken_in_signal
from shared.features.values import FEATURE_VERSION, NO_FEATURES, Presence, SignalFeatures

__all__ = [
    "DEFINITIONS",
    "FEATURE_VERSION",
    "NO_FEATURES",
    "Definition",
    "Presence",
    "SignalFeatures",
    "complete",
    "measured",
    "spoken_in_signal",
]
