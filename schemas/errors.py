"""The error tree, and the closed list of reasons a track can fail for.

NeedledropError
├── PermanentError        the input is at fault: the same input will fail again
│   ├── InvalidEventError     invalid_event
│   ├── UriRefusedError       uri_refused
│   ├── NotFoundError         not_found
│   ├── AccessDeniedError     access_denied
│   ├── TooLargeError         too_large
│   ├── EmptyAudioError       empty_audio
│   ├── UndecodableAudioError undecodable_audio
│   ├── AudioOutOfBoundsError audio_out_of_bounds
│   ├── DecoderCrashedError   decoder_crashed
│   ├── DecoderTimeoutError   decoder_timeout
│   ├── InvalidFeaturesError  invalid_features
│   └── SupersededError       superseded
├── TransientError        the surroundings are at fault: worth another try, then `unreachable`
│   ├── UnreachableError      unreachable
│   └── CacheUnavailableError (never ends a track: the work is done without the cache)
└── InvalidSettingError   whoever set us up must act; names the setting and stops the program

Anything else that escapes a handler is a bug of ours and ends the track as `internal_error`.
"""

from enum import StrEnum
from typing import ClassVar


class FailureReason(StrEnum):
    """Why a submission ended without a label. Closed in our code, a plain string in the schemas."""

    INVALID_EVENT = "invalid_event"
    URI_REFUSED = "uri_refused"
    NOT_FOUND = "not_found"
    ACCESS_DENIED = "access_denied"
    UNREACHABLE = "unreachable"
    TOO_LARGE = "too_large"
    EMPTY_AUDIO = "empty_audio"
    UNDECODABLE_AUDIO = "undecodable_audio"
    AUDIO_OUT_OF_BOUNDS = "audio_out_of_bounds"
    DECODER_CRASHED = "decoder_crashed"
    DECODER_TIMEOUT = "decoder_timeout"
    INVALID_FEATURES = "invalid_features"
    SUPERSEDED = "superseded"
    INTERNAL_ERROR = "internal_error"


class NeedledropError(Exception):
    """Root of all errors that needledrop raises on purpose. The message is written for the person who reads it."""


class TrackError(NeedledropError):
    """An error that can end a track; its reason goes into the failure event."""

    reason: ClassVar[FailureReason] = FailureReason.INTERNAL_ERROR


class PermanentError(TrackError):
    """The same input will fail again."""


class TransientError(TrackError):
    """Worth another try."""

    reason = FailureReason.UNREACHABLE


class InvalidSettingError(NeedledropError):
    """A setting is wrong or missing; the message names it and says what to do."""


class InvalidEventError(PermanentError):
    """A record is not a valid event."""

    reason = FailureReason.INVALID_EVENT


class UriRefusedError(PermanentError):
    """The settings do not let us open this URI; the message names the setting."""

    reason = FailureReason.URI_REFUSED


class NotFoundError(PermanentError):
    """There is nothing at this URI."""

    reason = FailureReason.NOT_FOUND


class AccessDeniedError(PermanentError):
    """Whoever serves this URI does not let us read it."""

    reason = FailureReason.ACCESS_DENIED


class TooLargeError(PermanentError):
    """More bytes than the settings allow, or more in what became of it than its topic takes."""

    reason = FailureReason.TOO_LARGE


class EmptyAudioError(PermanentError):
    """No bytes, or not one decoded frame."""

    reason = FailureReason.EMPTY_AUDIO


class UndecodableAudioError(PermanentError):
    """No decoder takes these bytes for audio."""

    reason = FailureReason.UNDECODABLE_AUDIO


class AudioOutOfBoundsError(PermanentError):
    """Audio, but with more channels, or at another sample rate, than the settings allow."""

    reason = FailureReason.AUDIO_OUT_OF_BOUNDS


class DecoderCrashedError(PermanentError):
    """Twice a process died over this file, the second time with nothing else in it."""

    reason = FailureReason.DECODER_CRASHED


class DecoderTimeoutError(PermanentError):
    """Twice this file took longer to decode than the settings allow."""

    reason = FailureReason.DECODER_TIMEOUT


class InvalidFeaturesError(PermanentError):
    """A features event that this classifier cannot use."""

    reason = FailureReason.INVALID_FEATURES


class SupersededError(PermanentError):
    """A replay or relabel that is no longer about the track's newest submission."""

    reason = FailureReason.SUPERSEDED


class UnreachableError(TransientError):
    """Nobody answered in time, or the answer was that we should come back later."""


class CacheUnavailableError(TransientError):
    """Redis is away. Labels go on without it."""
