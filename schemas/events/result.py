"""What was found out about a piece of audio: everything in a label that depends on the content alone."""

from typing import Annotated

from pydantic import Field

from schemas.event_model import EventModel, Finite, NotNegative, Probability, Sha256


class GenreProbability(EventModel):
    """One genre of the taxonomy and how likely it is."""

    genre: str
    probability: Probability


class TagProbability(EventModel):
    """One tag and how likely it is; tags do not exclude each other."""

    tag: str
    probability: Probability


class Tags(EventModel):
    """All tags that the ensemble knows, by kind, most likely first."""

    genre: tuple[TagProbability, ...] = ()
    mood: tuple[TagProbability, ...] = ()
    instrument: tuple[TagProbability, ...] = ()
    voice: tuple[TagProbability, ...] = ()
    era: tuple[TagProbability, ...] = ()


class SegmentGenres(EventModel):
    """The most likely genres of one stretch of the track."""

    start_s: NotNegative
    duration_s: NotNegative
    genres: tuple[GenreProbability, ...]


class TempoCandidate(EventModel):
    """Another tempo that the evidence allows, mostly half or double."""

    bpm: NotNegative
    weight: Probability


class AudioFeatures(EventModel):
    """Spotify's audio features, with their names, types and ranges; a feature that is not computed is absent."""

    danceability: Probability | None = None
    energy: Probability | None = None
    key: Annotated[int, Field(ge=-1, le=11)] | None = None
    """Pitch class, 0 = C; -1 when none is detected."""
    loudness: Finite | None = None
    """Integrated loudness in LUFS (ITU-R BS.1770); absent for silence."""
    mode: Annotated[int, Field(ge=0, le=1)] | None = None
    """1 major, 0 minor."""
    speechiness: Probability | None = None
    acousticness: Probability | None = None
    instrumentalness: Probability | None = None
    liveness: Probability | None = None
    valence: Probability | None = None
    tempo: NotNegative | None = None
    """Beats a minute."""
    time_signature: Annotated[int, Field(ge=3, le=7)] | None = None
    """Beats a bar."""
    duration_ms: Annotated[int, Field(ge=0)] | None = None
    confidence: dict[str, Probability] | None = None
    """How sure we are of a feature, by its name."""
    tempo_alternative: TempoCandidate | None = None


class Audio(EventModel):
    """The file that was analysed."""

    content_hash: Sha256
    """SHA-256 of the bytes."""
    size_bytes: Annotated[int, Field(ge=0)]
    container: str
    """Container and codec as the decoder names them."""
    sample_rate_hz: Annotated[int, Field(gt=0)]
    n_channels: Annotated[int, Field(gt=0)]
    duration_s: NotNegative
    """Of the whole file, or up to the cap when `analysed.cut`."""


class Analysed(EventModel):
    """Which part of the audio the values speak of."""

    policy: str
    """Name of the analysis policy."""
    decoded_s: NotNegative
    """Seconds decoded from the start: duration and loudness are of these."""
    cut: bool
    """Whether the file goes on after them."""
    excerpt_start_s: NotNegative
    excerpt_duration_s: NotNegative
    """The contiguous excerpt that the signal features are of."""
    n_patches: Annotated[int, Field(ge=0)]
    """Patches that the networks heard, spread evenly over what was decoded."""


class Versions(EventModel):
    """What made the values."""

    ensemble: str
    ensemble_digest: Sha256
    """Of the ensemble's manifest, which holds the hash of each model file."""
    features: str
    taxonomy: str


class TrackResult(EventModel):
    """What one content is, as the result cache keeps it."""

    genres: tuple[GenreProbability, ...]
    """Best first."""
    unsure: bool | None = None
    """True: nothing here is likely enough to act on."""
    disagreement: NotNegative | None = None
    """How far the members of the ensemble are apart; 0 when they agree."""
    tags: Tags
    features: AudioFeatures
    segments: tuple[SegmentGenres, ...] | None = None
    embedding: str | None = None
    """Base64 of little-endian float16, when the setting asks for it."""
    audio: Audio
    analysed: Analysed
    versions: Versions
