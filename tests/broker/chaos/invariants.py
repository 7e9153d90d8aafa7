"""What must hold when a chaos run has come to rest. Computed from the topics alone, without the code that is tested."""

import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.names import CLASSIFIER, EXTRACTOR, PROJECTOR, TRENDS
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.redis.views import TrackViews
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from tests.broker.harness.census import Invariant
from tests.broker.harness.lags import no_lag

GROUPS = {
    EXTRACTOR: [TRACKS_SUBMITTED.name],
    CLASSIFIER: [TRACKS_FEATURES.name],
    PROJECTOR: [TRACKS_LABELED.name, TRACKS_FAILED.name],
    TRENDS: [TRACKS_LABELED.name, TRACKS_FAILED.name],
}


def no_lags(settings: KafkaSettings) -> dict[str, Invariant]:
    """Every group has committed all there is."""
    return {f"lag of {group} is 0": no_lag(settings, group, topics) for group, topics in GROUPS.items()}


def outcomes(settings: KafkaSettings) -> Iterator[Record]:
    """All committed labels, tombstones and failures."""
    with closing(RangeReader(settings)) as topics:
        for topic in (TRACKS_LABELED.name, TRACKS_FAILED.name):
            for partition, (low, high) in topics.bounds(topic).items():
                yield from topics.between(topic, partition, low, high)


@dataclass(frozen=True)
class Shown:
    """What a view must show of a track."""

    position: str
    topic: str
    value: bytes | None


def last_words(settings: KafkaSettings) -> dict[str, Shown]:
    """For each track the outcome of its newest submission that was not superseded."""
    newest: dict[str, Shown] = {}
    for record in outcomes(settings):
        if record.topic == TRACKS_FAILED.name and json.loads(record.value or b"{}")["reason"] == "superseded":
            continue
        shown = Shown(dict(record.headers)["needledrop_position"].decode(), record.topic, record.value)
        known = newest.get(record.key_text)
        if known is None or known.position < shown.position:
            newest[record.key_text] = shown
    return newest


def views_equal_topics(settings: KafkaSettings, redis: RedisSettings) -> Invariant:
    """Redis shows the last word of each track, and nothing else."""

    def check() -> str | None:
        views, wrong = TrackViews(redis), []
        expected = {track: shown for track, shown in last_words(settings).items() if shown.value is not None}
        found = {track: view for track in views.track_ids() if (view := views.get(track))}
        for track in expected.keys() | found.keys():
            view, shown = found.get(track), expected.get(track)
            if view is None or shown is None or (str(view.position), view.value) != (shown.position, shown.value):
                wrong.append(track)
        return f"{len(wrong)} of {len(expected)} views differ from the topics: {wrong[:5]}" if wrong else None

    return check


def counts_of_topics(settings: KafkaSettings) -> dict[str, Counter[str]]:
    """Best genres of all labels, and reasons of all failures."""
    found: dict[str, Counter[str]] = {"genres": Counter(), "reasons": Counter()}
    for record in outcomes(settings):
        if record.value is None:
            continue
        event = json.loads(record.value)
        if record.topic == TRACKS_FAILED.name:
            found["reasons"][event["reason"]] += 1
        else:
            found["genres"][event["genres"][0]["genre"] if event["genres"] else "other"] += 1
    return found


def trends_equal_topics(settings: KafkaSettings, read_trends: Callable[[], dict[str, Any]]) -> Invariant:
    """The trends worker has counted each label and each failure once."""

    def check() -> str | None:
        try:
            trends = read_trends()
        except OSError as error:
            return f"trends does not answer: {error}"
        for kind, expected in counts_of_topics(settings).items():
            found: Counter[str] = Counter()
            for hour in trends["hours"]:
                found.update(hour[kind])
            if found != expected:
                return f"trends shows {kind} {dict(found)}, the topics hold {dict(expected)}"
        return None

    return check


def trends_at(port: int) -> dict[str, Any]:
    """What the trends worker shows. Raises: OSError."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/trends.json", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
        return found
