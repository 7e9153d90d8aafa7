"""The part of the audio features that the signal alone tells. Pure functions on one excerpt, about 25 ms for 30 s."""

from workers.extractor.signal_features.excerpt import signal_features
from workers.extractor.signal_features.frames import SAMPLE_RATE_HZ
from workers.extractor.signal_features.presence import presence

__all__ = ["SAMPLE_RATE_HZ", "presence", "signal_features"]
