"""The topics: names, keys, cleanup and retention. `needledrop topics create` makes them as declared here.

All are keyed by ``track_id`` and written with the ``murmur2_random`` partitioner, so that everything about a track
stays in order from stage to stage, whichever client writes it.
"""

from dataclasses import dataclass, field
from typing import Final

from schemas.events import TrackFailed, TrackFeatures, TrackLabeled, TrackSubmitted

DAY_MS: Final = 24 * 60 * 60 * 1000

# The replicas that can share one stage's work are as many as its partitions; more can be added later without
# breaking order across stages, since submissions carry positions.
DEFAULT_PARTITIONS: Final = 12

FAILURES_KEPT_MS: Final = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and its configuration. ``max_message_bytes`` None: as large as our clients write, for tensors vary."""

    name: str
    event: type[TrackSubmitted | TrackFeatures | TrackLabeled | TrackFailed]
    description: str
    max_message_bytes: int | None
    config: dict[str, str] = field(default_factory=dict)


TRACKS_SUBMITTED: Final = Topic(
    "tracks.submitted.v1",
    TrackSubmitted,
    "Tracks to be labeled. A null value deletes the track of that key.",
    max_message_bytes=262_144,
    # The position of a submission is the broker's timestamp of its record, not the ingest system's clock.
    config={
        "cleanup.policy": "delete",
        "retention.ms": str(30 * DAY_MS),
        "message.timestamp.type": "LogAppendTime",
    },
)
TRACKS_FEATURES: Final = Topic(
    "tracks.features.v1",
    TrackFeatures,
    "Internal: features on their way from the extractor to the classifier.",
    max_message_bytes=None,
    # The extractor stops long before this when the classifier falls behind; a week is for a classifier that is down.
    config={"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)},
)
TRACKS_LABELED: Final = Topic(
    "tracks.labeled.v1",
    TrackLabeled,
    "The newest label of each track; a null value says that the track was deleted.",
    max_message_bytes=1_048_576,
    # Tombstones outlive every failure of the same track: otherwise views rebuilt from both topics would bring back
    # a failure of a track that was deleted.
    config={"cleanup.policy": "compact", "delete.retention.ms": str(FAILURES_KEPT_MS + DAY_MS)},
)
TRACKS_FAILED: Final = Topic(
    "tracks.failed.v1",
    TrackFailed,
    "Submissions that ended without a label, and why.",
    max_message_bytes=262_144,
    config={"cleanup.policy": "delete", "retention.ms": str(FAILURES_KEPT_MS)},
)

# Kafka forgets the offsets of a group that has had no member for 7 days by default, and a group without offsets starts
# at the first record. When offsets outlive every record of the topics that are not compacted, that is a new one.
OFFSETS_KEPT_MS: Final = FAILURES_KEPT_MS + DAY_MS

TOPICS: Final = (TRACKS_SUBMITTED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_FAILED)
