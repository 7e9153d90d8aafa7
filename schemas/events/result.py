"""What was found out about a piece of audio: everything in a label that depends on the content alone."""

from typing import Annotated

from pydantic import Field

from schemas.event_model import EventModel, Finite, NotNegative, Probability, Sha256


class GenreProbability(EventModel):
    """One genre of the taxonomy and how likely it is."""

    genre: str
    """Its name in the taxonomy; new ones may appear."""
    probability: Probability
    """0 to 1."""


class TagProbability(EventModel):
    """One tag and how likely it is; tags do not exclude each other."""

    tag: str
    """Its name; new ones may appear."""
    probability: Probability
    """0 to 1."""


class Tags(EventModel):
    """All tags that the ensemble knows, by kind, most likely first."""

    genre: tuple[TagProbability, ...] = ()
    """Styles, as the networks were taught them: finer and less certain than `genres`."""
    mood: tuple[TagProbability, ...] = ()
    """How it feels: happy, sad, chill."""
    instrument: tuple[TagProbability, ...] = ()
    """What plays: guitar, piano, strings."""
    voice: tuple[TagProbability, ...] = ()
    """Who sings, or that nobody does."""
    era: tuple[TagProbability, ...] = ()
    """When it was made: 60s, 80s."""


class SegmentGenres(EventModel):
    """The most likely genres of one stretch of the track."""

    start_s: NotNegative
    """From the beginning of the track."""
    duration_s: NotNegative
    """How long it is."""
    genres: tuple[GenreProbability, ...]
    """Best first."""


class TempoCandidate(EventModel):
    """Another tempo that the evidence allows, mostly half or double."""

    bpm: NotNegative
    """Beats a minute."""
    weight: Probability
    """How much of the evidence is for it, 0 to 1."""


class AudioFeatures(EventModel):
    """Spotify's audio features, with their names, types and ranges; a feature that is not computed is absent."""

    danceability: Probability | None = None
    """How well one can dance to it, 0 to 1."""
    energy: Probability | None = None
    """How intense it is, 0 to 1."""
    key: Annotated[int, Field(ge=-1, le=11)] | None = None
    """Pitch class, 0 = C; -1 when none is detected."""
    loudness: Finite | None = None
    """Integrated loudness in LUFS (ITU-R BS.1770); absent for silence."""
    mode: Annotated[int, Field(ge=0, le=1)] | None = None
    """1 major, 0 minor."""
    speechiness: Probability | None = None
    """How much of it is spoken, 0 to 1."""
    acousticness: Probability | None = None
    """How surely it is acoustic, 0 to 1."""
    instrumentalness: Probability | None = None
    """How surely nobody sings, 0 to 1."""
    liveness: Probability | None = None
    """How surely an audience is there, 0 to 1."""
    valence: Probability | None = None
    """From sad (0) to happy (1)."""
    tempo: NotNegative | None = None
    """Beats a minute; 0 when there is no beat."""
    time_signature: Annotated[int, Field(ge=3, le=7)] | None = None
    """Beats a bar."""
    duration_ms: Annotated[int, Field(ge=0)] | None = None
    """Of the whole file, or up to the cap when `analysed.cut`."""
    confidence: dict[str, Probability] | None = None
    """How sure we are of a feature, by its name, 0 to 1."""
    tempo_alternative: TempoCandidate | None = None
    """The next best tempo, when there is one."""


class Audio(EventModel):
    """The file that was analysed."""

    content_hash: Sha256
    """SHA-256 of the bytes."""
    size_bytes: Annotated[int, Field(ge=0)]
    """How many these are."""
    container: str
    """Container and codec as the decoder names them."""
    sample_rate_hz: Annotated[int, Field(gt=0)]
    """As decoded, before any resampling."""
    n_channels: Annotated[int, Field(gt=0)]
    """1 mono, 2 stereo."""
    duration_s: NotNegative
    """Of the whole file, or up to the cap when `analysed.cut`."""


class Analysed(EventModel):
    """Which part of the audio the values speak of."""

    policy: str
    """Name of the analysis policy."""
    decoded_from_s: NotNegative | None = None
    """Where decoding began, when not at the start: then only an excerpt was decoded."""
    decoded_s: NotNegative
    """Seconds decoded: loudness is of these."""
    cut: bool
    """Whether the file goes on after the cap on its duration."""
    excerpt_start_s: NotNegative
    """Where the one contiguous excerpt begins that rhythm, key and the like are of."""
    excerpt_duration_s: NotNegative
    """How long this excerpt is."""
    n_patches: Annotated[int, Field(ge=0)]
    """Patches that the networks heard, spread evenly over what was decoded."""


class Versions(EventModel):
    """What made the values."""

    ensemble: str
    """The ensemble of networks, by name and version."""
    ensemble_digest: Sha256
    """Of the ensemble's manifest, which holds the hash of each model file."""
    features: str
    """The definitions of the audio features."""
    taxonomy: str
    """The list of genres and tags."""


class TrackResult(EventModel):
    """What one content is, as the result cache keeps it."""

    genres: tuple[GenreProbability, ...]
    """Best first."""
    unsure: bool | None = None
    """True: nothing here is likely enough to act on."""
    disagreement: NotNegative | None = None
    """How far the members of the ensemble are apart; 0 when they agree."""
    tags: Tags
    """All that the networks said, before it became genres."""
    features: AudioFeatures
    """What the music is like, in numbers."""
    segments: tuple[SegmentGenres, ...] | None = None
    """How the genres change over the track."""
    embedding: str | None = None
    """Base64 of little-endian float16, when the setting asks for it."""
    audio: Audio
    """The file."""
    analysed: Analysed
    """How much of it was looked at."""
    versions: Versions
    """What to compare before values of two labels are."""
