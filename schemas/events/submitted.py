"""TrackSubmitted: somebody has a track and wants its labels."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.event_model import Event, EventModel, Identifier, Text, UtcTime
from schemas.origin import Coordinates
from schemas.redaction import redacted

# Attributes travel into every label and Redis view: small, or these grow without bound.
MAX_ATTRIBUTES = 32
MAX_ATTRIBUTES_CHARACTERS = 4096

AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
AttributeValue = Annotated[str, StringConstraints(max_length=1024)]


class _Described(EventModel):
    """What the ingest system knows about a track; all of it travels to the label untouched."""

    title: Text | None = None
    """Of the track."""
    artist: Text | None = None
    """Who plays."""
    album: Text | None = None
    """Where it was released."""
    year: Annotated[int, Field(ge=0, le=9999)] | None = None
    """Year of release."""
    isrc: Annotated[str, StringConstraints(max_length=32)] | None = None
    """International Standard Recording Code (ISO 3901)."""
    spotify_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    """The track's id at Spotify."""
    attributes: Annotated[dict[AttributeName, AttributeValue], Field(max_length=MAX_ATTRIBUTES)] | None = None
    """Anything else, as a small map of strings (4,096 characters in all)."""

    @model_validator(mode="after")
    def _attributes_are_small(self) -> Self:
        characters = sum(len(name) + len(value) for name, value in (self.attributes or {}).items())
        if characters > MAX_ATTRIBUTES_CHARACTERS:
            raise ValueError(f"attributes hold {characters} characters, at most {MAX_ATTRIBUTES_CHARACTERS}")
        return self


class _Identified(_Described):
    submission_id: Identifier
    """One per submission, made by whoever submits; the outcome carries it."""
    submitted_at: UtcTime
    """When it was submitted, with a time zone."""
    replay_of: Identifier | None = None
    """Conditional: the submission that failed and is tried again; ends as `superseded` if a newer one exists."""
    relabel_of: Identifier | None = None
    """Conditional: the submission whose label is made anew; ends as `superseded` if a newer one exists."""


class TrackSubmitted(Event, _Identified):
    """A track was submitted. A null value for the same key deletes the track everywhere."""

    ce_type: ClassVar[str] = "needledrop.track.submitted.v1"

    track_id: Identifier
    """The track, in the ingest system's own terms. Also the key of the record."""
    uri: Annotated[str, StringConstraints(min_length=1, max_length=4096), Field(repr=False)]
    """Where the audio is: file://, http://, https:// or s3://."""

    @property
    def conditional(self) -> bool:
        """Whether this only holds while the submission it names is the track's newest."""
        return self.replay_of is not None or self.relabel_of is not None


class Submission(_Identified):
    """A submission as later events carry it: its URI without secrets, and where the record itself is."""

    uri: Text
    """Redacted: user:password@ and query values removed."""
    coordinates: Coordinates
    """Topic, partition and offset of the TrackSubmitted record, while its topic keeps it."""

    @classmethod
    def of(cls, event: TrackSubmitted, coordinates: Coordinates) -> Self:
        """The submission behind ``event``, which was read at ``coordinates``."""
        fields = event.model_dump(exclude={"track_id", "uri"})
        return cls(**fields, uri=redacted(event.uri)[:1024], coordinates=coordinates)
