"""Tracks as Spotify's Web API shows them: full objects, with what we know in them.

Source: the schemas TrackObject, AudioFeaturesObject and RecommendationSeedObject of Spotify's own OpenAPI document.
"""

import math
from typing import Any, Final

from workers.catalog.public_ids import album_id_of, artist_id_of, track_id_of
from workers.catalog.rows import FEATURES, NUMBERS, Row

Object = dict[str, Any]

# What Spotify says when it knows nothing: no key, no beat, silence.
_UNKNOWN: Final[dict[str, float | int]] = {"key": -1, "mode": 0, "tempo": 0.0, "loudness": -60.0, "time_signature": 4}
_INTEGERS: Final = frozenset({"key", "mode", "time_signature", "duration_ms"})


class Objects:
    """Makes objects whose links lead to ``base``, the address under which the client reaches us."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")

    def href(self, path: str) -> str:
        """A link."""
        return f"{self._base}/v1/{path}"

    def track(self, row: Row) -> Object:
        """A full track object."""
        track_id = track_id_of(row)
        return {
            **self._named("track", track_id, row.title or row.track_id),
            "album": self._album(row),
            "artists": [self._artist(row)],
            "available_markets": [],
            "disc_number": 1,
            "duration_ms": _number(row, "duration_ms") or 0,
            "explicit": False,
            "external_ids": {"isrc": row.isrc} if row.isrc else {},
            "is_local": False,
            "is_playable": True,
            "popularity": 0,
            "preview_url": None,
            "track_number": 1,
        }

    def audio_features(self, row: Row) -> Object:
        """An audio features object; null for a feature that was not computed."""
        track_id = track_id_of(row)
        found = {name: _number(row, name) for name in FEATURES}
        return {
            **{name: _UNKNOWN.get(name) if value is None else value for name, value in found.items()},
            "id": track_id,
            "uri": f"spotify:track:{track_id}",
            "track_href": self.href(f"tracks/{track_id}"),
            "analysis_url": self.href(f"audio-analysis/{track_id}"),
            "type": "audio_features",
        }

    def seed(self, kind: str, seed: str, pool: int, after_filtering: int) -> Object:
        """A recommendation seed object."""
        return {
            "id": seed,
            "type": kind,
            "href": None if kind == "genre" else self.href(f"{kind}s/{seed}"),
            "initialPoolSize": pool,
            "afterFilteringSize": after_filtering,
            "afterRelinkingSize": after_filtering,
        }

    def page(self, path: str, items: list[Object], total: int, limit: int, offset: int) -> Object:
        """A paging object; ``path`` is the question without limit and offset."""

        def at(other: int) -> str:
            return self.href(f"{path}&limit={limit}&offset={other}")

        return {
            "href": at(offset),
            "items": items,
            "limit": limit,
            "next": at(offset + limit) if offset + limit < total else None,
            "offset": offset,
            "previous": at(max(offset - limit, 0)) if offset else None,
            "total": total,
        }

    def _album(self, row: Row) -> Object:
        year = _number(row, "year")
        return {
            **self._named("album", album_id_of(row), row.album),
            "album_type": "album",
            "album_group": "album",
            "artists": [self._artist(row)],
            "available_markets": [],
            "images": [],
            "release_date": f"{int(year):04}" if year is not None else "0000",
            "release_date_precision": "year",
            "total_tracks": 1,
            "is_playable": True,
        }

    def _artist(self, row: Row) -> Object:
        return self._named("artist", artist_id_of(row.artist), row.artist)

    def _named(self, kind: str, public_id: str, name: str) -> Object:
        return {
            "id": public_id,
            "name": name,
            "type": kind,
            "uri": f"spotify:{kind}:{public_id}",
            "href": self.href(f"{kind}s/{public_id}"),
            "external_urls": {},
        }


def _number(row: Row, name: str) -> float | int | None:
    value = float(row.numbers[NUMBERS.index(name)])
    if math.isnan(value):
        return None
    return int(value) if name in _INTEGERS else value
