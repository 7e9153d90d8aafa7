"""Which labels are to be made anew, and the submissions that do it. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.errors import InvalidEventError
from schemas.events import TrackLabeled, TrackSubmitted
from schemas.origin import Position
from shared.kafka.records import Record
from shared.outcomes import origin_of
from workers.cli.failed_tracks import root_of

# What `redacted` leaves of a secret or an unprintable character, and where labels cut URIs.
_NOT_THE_URI = re.compile("\\*\\*\\*|\N{REPLACEMENT CHARACTER}")
_CUT_AT_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Stale:
    """A label that is to be made anew."""

    label: TrackLabeled
    position: Position

    @property
    def needs_original(self) -> bool:
        """Whether the label does not have the whole URI, so that the submission must be read again."""
        uri = self.label.submission.uri
        return bool(_NOT_THE_URI.search(uri)) or len(uri) >= _CUT_AT_CHARACTERS


@dataclass(frozen=True, slots=True)
class Condition:
    """``PATH=VALUE`` or ``PATH!=VALUE`` on a label's JSON, like ``submission.attributes.library=vinyl``."""

    path: tuple[str, ...]
    value: str
    negated: bool = False

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Raises: ValueError, saying what it should look like."""
        match = re.fullmatch(r"([A-Za-z0-9_.]+)(!?=)(.*)", text)
        if match is None:
            raise ValueError(f"{text!r} is no condition: write unsure=true or genres.0.genre!=jazz")
        return cls(tuple(match[1].split(".")), match[3], match[2] == "!=")

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Whether the label with these fields meets it. A field that is not there has no value."""
        found: Any = fields
        for step in self.path:
            if isinstance(found, Mapping):
                found = found.get(step)
            elif isinstance(found, Sequence) and not isinstance(found, str) and step.isdecimal():
                found = found[int(step)] if int(step) < len(found) else None
            else:
                found = None
        text = found if isinstance(found, str) else json.dumps(found)
        return (text == self.value) != self.negated


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLabels:
    """Which labels to make anew: those of another ensemble or other features, or of an ensemble before one."""

    ensemble_digest: str = ""
    features_version: str = ""
    older_than: str | None = None
    """If given, nothing but the ensemble's version decides."""
    conditions: tuple[Condition, ...] = ()

    def stale(self, record: Record) -> Stale | None:
        """The label in a record, if it is one to make anew. Raises: InvalidEventError."""
        if record.value is None:
            return None
        label = TrackLabeled.from_json(record.value)
        if not self._is_old(label):
            return None
        if self.conditions:
            fields = json.loads(record.value)
            if not all(condition.holds(fields) for condition in self.conditions):
                return None
        return Stale(label, origin_of(record).position)

    def _is_old(self, label: TrackLabeled) -> bool:
        versions = label.versions
        if self.older_than is not None:
            return version_key(versions.ensemble) < version_key(self.older_than)
        return (versions.ensemble_digest, versions.features) != (self.ensemble_digest, self.features_version)


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Orders versions as people do: numbers by their size, so that 1.10 is after 1.9; 1.2.1 is after 1.2."""
    parts = re.findall(r"\d+|[^\d.+_-]+", version)
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def relabel_of(stale: Stale, *, original: Record | None, submission_id: str, at: datetime) -> TrackSubmitted | None:
    """The submission that makes a label anew, on condition that it is still about the track's newest.

    Args:
        stale: the label.
        original: what is at its submission's coordinates now; only needed where the label has not the whole URI.
        submission_id: of the new submission.
        at: when it is submitted.

    Returns: None when the URI cannot be had any more.
    """
    known = stale.label.submission
    uri = known.uri
    if stale.needs_original:
        found = _uri_in(original, stale.label)
        if found is None:
            return None
        uri = found
    described = known.model_dump(exclude={"uri", "coordinates", "submission_id", "submitted_at", "replay_of"})
    news = {"uri": uri, "submission_id": submission_id, "submitted_at": at, "relabel_of": root_of(known)}
    return TrackSubmitted(track_id=stale.label.track_id, **(described | news))


def _uri_in(record: Record | None, label: TrackLabeled) -> str | None:
    """The URI in the label's own submission; None when another record is there now."""
    if record is None or record.value is None:
        return None
    try:
        event = TrackSubmitted.from_json(record.value)
    except InvalidEventError:
        return None
    ours = (event.track_id, event.submission_id) == (label.track_id, label.submission.submission_id)
    return event.uri if ours else None
