"""Spotify's dialect, asked by stock clients that are pointed at us."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import spotipy
import tekore

from tests.catalog_events import deleted, failed, labeled
from tests.embedded.catalog.conftest import Served
from workers.catalog.public_ids import artist_id_of

Serve = Callable[..., Served]

# What Spotify took away is why we are here.
pytestmark = pytest.mark.filterwarnings("ignore:You're using:DeprecationWarning")

SPOTIFY_ID = "11dFghVXANMlKmJXsNCbNl"
ALL_FEATURES = {
    "danceability": 0.5,
    "energy": 0.25,
    "key": 9,
    "loudness": -12.5,
    "mode": 0,
    "speechiness": 0.05,
    "acousticness": 0.9,
    "instrumentalness": 0.1,
    "liveness": 0.2,
    "valence": 0.3,
    "tempo": 118.2,
    "time_signature": 4,
    "duration_ms": 61_500,
}
DESCRIBED = {"submission_title": "So What", "submission_artist": "Miles Davis", "submission_album": "Kind of Blue"}


@pytest.fixture
def catalog(served: Serve) -> Served:
    rock = [{"genre": "rock", "probability": 0.9}]
    return served(
        labeled(
            "jazz/so what.ogg",
            1,
            **DESCRIBED,
            submission_spotify_id=SPOTIFY_ID,
            submission_year=1959,
            submission_isrc="USSM15900113",
            features=ALL_FEATURES,
        ),
        labeled("blue", 2, submission_title="Blue in Green", submission_artist="Miles Davis", features=ALL_FEATURES),
        labeled("rock1", 3, genres=rock, submission_artist="Queen", features=ALL_FEATURES | {"tempo": 90.0}),
        labeled("rock2", 4, genres=rock, submission_artist="Queen", features=ALL_FEATURES | {"tempo": 180.0}),
        failed("broken", 5, "undecodable_audio"),
    )


@pytest.fixture
def sp(catalog: Served) -> spotipy.Spotify:
    client = spotipy.Spotify(auth="any", retries=0, status_retries=0, requests_timeout=20)
    client.prefix = f"{catalog.address}/v1/"
    return client


class Redirected(tekore.Sender):  # type: ignore[misc]  # it has no annotations
    """Sends to us what is meant for Spotify."""

    def __init__(self, address: str) -> None:
        self._sender = tekore.SyncSender(httpx.Client(timeout=20, trust_env=False))
        self._address = address

    @property
    def is_async(self) -> bool:
        return False

    def send(self, request: tekore.Request) -> tekore.Response:
        request.url = request.url.replace("https://api.spotify.com", self._address)
        answer: tekore.Response = self._sender.send(request)
        return answer

    def close(self) -> None:
        self._sender.close()


@pytest.fixture
def tk(catalog: Served) -> Iterator[tekore.Spotify]:
    sender = Redirected(catalog.address)
    yield tekore.Spotify("any", sender=sender)
    sender.close()


def test_spotipy_gets_audio_features(sp: spotipy.Spotify) -> None:
    [features, unknown] = sp.audio_features([SPOTIFY_ID, "unknown"])

    assert unknown is None
    assert {name: features[name] for name in ALL_FEATURES} == ALL_FEATURES
    assert features["type"] == "audio_features"
    assert features["uri"] == f"spotify:track:{SPOTIFY_ID}"
    assert features["track_href"].endswith(f"/v1/tracks/{SPOTIFY_ID}")


def test_spotipy_gets_tracks_search_and_recommendations(sp: spotipy.Spotify) -> None:
    track = sp.track(SPOTIFY_ID)
    assert (track["name"], track["artists"][0]["name"], track["album"]["name"]) == (
        "So What",
        "Miles Davis",
        "Kind of Blue",
    )
    assert track["external_ids"] == {"isrc": "USSM15900113"}
    assert track["album"]["release_date"] == "1959"
    assert [one["id"] for one in sp.tracks([SPOTIFY_ID, "rock1"])["tracks"]] == [SPOTIFY_ID, "rock1"]
    assert sp.recommendation_genre_seeds()["genres"] == ["blues", "jazz", "rock"]

    found = sp.search('artist:"miles davis"', limit=1)["tracks"]
    assert (found["total"], [one["name"] for one in found["items"]]) == (2, ["Blue in Green"])
    assert [one["name"] for one in sp.next(found)["tracks"]["items"]] == ["So What"]

    answer = sp.recommendations(seed_tracks=[SPOTIFY_ID], seed_genres=["rock"], limit=2, max_tempo=120)
    assert SPOTIFY_ID not in [one["id"] for one in answer["tracks"]]
    assert "rock2" not in [one["id"] for one in answer["tracks"]]
    assert [(seed["type"], seed["id"]) for seed in answer["seeds"]] == [("track", SPOTIFY_ID), ("genre", "rock")]
    assert (answer["seeds"][1]["initialPoolSize"], answer["seeds"][1]["afterFilteringSize"]) == (2, 1)


def test_spotipy_says_what_was_wrong(sp: spotipy.Spotify) -> None:
    with pytest.raises(spotipy.SpotifyException) as refused:
        sp.track("unknown")
    assert refused.value.http_status == 404
    with pytest.raises(spotipy.SpotifyException, match="undecodable_audio"):
        sp.track("broken")


def test_tekore_gets_all_of_it_as_its_own_models(tk: tekore.Spotify) -> None:
    features = tk.track_audio_features(SPOTIFY_ID)
    assert (features.tempo, features.key, features.duration_ms) == (118.2, 9, 61_500)
    assert [one.id for one in tk.tracks_audio_features([SPOTIFY_ID, "rock2"])] == [SPOTIFY_ID, "rock2"]
    track = tk.track(SPOTIFY_ID)
    assert (track.name, track.artists[0].name, track.album.release_date) == ("So What", "Miles Davis", "1959")
    assert len(tk.tracks([SPOTIFY_ID, "blue"])) == 2
    assert "jazz" in tk.recommendation_genre_seeds()
    [page] = tk.search("green", types=("track",))
    assert [one.name for one in page.items] == ["Blue in Green"]
    artist = track.artists[0].id
    answer = tk.recommendations(artist_ids=[artist], limit=3, target_tempo=118)
    assert answer.seeds[0].type == "artist"
    assert answer.tracks[0].artists[0].name == "Miles Davis"


def test_ids_are_base62_whatever_the_ingest_system_calls_its_tracks(catalog: Served) -> None:
    catalog.fill(labeled("Ünïcode/with spaces & more.flac", 9, submission_title="Odd"))
    [found] = catalog.get("/v1/search", q="odd", type="track")["tracks"]["items"]

    assert re.fullmatch("[0-9A-Za-z]{22}", found["id"])
    assert catalog.get(f"/v1/tracks/{found['id']}")["name"] == "Odd"
    catalog.fill(deleted("Ünïcode/with spaces & more.flac", 10))
    assert catalog.refused(f"/v1/tracks/{found['id']}")[0] == 404


def test_two_tracks_of_one_spotify_id_are_served_and_go_one_by_one(catalog: Served) -> None:
    catalog.fill(labeled("copy", 7, submission_spotify_id=SPOTIFY_ID, submission_title="So What"))
    catalog.fill(deleted("jazz/so what.ogg", 8))
    assert catalog.get(f"/v1/tracks/{SPOTIFY_ID}")["name"] == "So What"
    catalog.fill(deleted("copy", 9))
    assert catalog.refused(f"/v1/tracks/{SPOTIFY_ID}")[0] == 404


def test_a_feature_that_is_unknown_is_what_spotify_says_for_it_or_null(catalog: Served) -> None:
    catalog.fill(labeled("quiet", 6, features={"energy": 0.0}))

    features = catalog.get("/v1/audio-features/quiet")
    known = {name: features[name] for name in ("key", "tempo", "loudness", "energy", "valence")}
    assert known == {"key": -1, "tempo": 0.0, "loudness": -60.0, "energy": 0.0, "valence": None}


@pytest.mark.parametrize(
    ("path", "parameters", "says"),
    [
        ("/v1/audio-features", {"ids": ",".join(["a"] * 101)}, "at most 100"),
        ("/v1/audio-features", {}, "ids"),
        ("/v1/tracks", {"ids": ",".join(["a"] * 51)}, "at most 50"),
        ("/v1/tracks", {"ids": "../../etc/passwd"}, "invalid id"),
        ("/v1/tracks/a%20b", {}, "track_id"),
        ("/v1/recommendations", {}, "seeds"),
        ("/v1/recommendations", {"seed_genres": "a,b,c,d,e,f"}, "seeds"),
        ("/v1/recommendations", {"seed_genres": "jazz", "limit": 101}, "limit"),
        ("/v1/recommendations", {"seed_genres": "jazz", "min_tempo": "fast"}, "min_tempo"),
        ("/v1/search", {"q": "a", "type": "everything"}, "type"),
        ("/v1/search", {"q": "", "type": "track"}, "q"),
        ("/v1/search", {"q": "a", "type": "track", "offset": 10**9}, "offset"),
    ],
)
def test_what_spotify_would_refuse_is_refused_in_its_shape(
    catalog: Served, path: str, parameters: dict[str, Any], says: str
) -> None:
    status, message = catalog.refused(path, **parameters)

    assert status == 400
    assert says in message


def test_unknown_seeds_have_empty_pools_and_do_not_spoil_the_others(catalog: Served) -> None:
    answer = catalog.get("/v1/recommendations", seed_tracks="unknown", seed_artists=artist_id_of("QUEEN"), limit=1)

    assert [seed["initialPoolSize"] > 0 for seed in answer["seeds"]] == [False, True]
    assert answer["tracks"][0]["artists"][0]["name"] == "Queen"
    nothing = catalog.get("/v1/recommendations", seed_tracks="unknown")
    assert nothing["tracks"] == []


def test_a_genre_may_be_called_as_others_call_it(catalog: Served) -> None:
    catalog.fill(labeled("h", 6, genres=[{"genre": "hip-hop", "probability": 0.9}]))

    assert catalog.get("/v1/recommendations", seed_genres="rap", limit=1)["tracks"][0]["id"] == "h"
