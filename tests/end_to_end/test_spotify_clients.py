"""Stock clients of Spotify, pointed at a needledrop that has labeled music through Kafka."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import spotipy
import tekore

from schemas.events import TrackLabeled

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Pipeline, WriteTune

# What Spotify took away is why we are here.
pytestmark = pytest.mark.filterwarnings("ignore:You're using:DeprecationWarning")

IDS = ("clientsA", "clientsB", "clientsC")
Labels = dict[str, TrackLabeled]
SDK = Path(__file__).parents[1] / "contract" / "node_modules" / "@spotify" / "web-api-ts-sdk"


@pytest.fixture(scope="module")
def music_files(music: Path, write_tune: "WriteTune") -> list[Path]:
    """Three pieces of real music where NEEDLEDROP_TEST_CLIPS has some, else three tunes."""
    folder = os.environ.get("NEEDLEDROP_TEST_CLIPS")
    if folder is None:
        return [write_tune(f"clients-{seed}.wav", seed=seed) for seed in range(3)]
    return [Path(shutil.copy(clip, music / f"clients-{clip.name}")) for clip in sorted(Path(folder).glob("*.ogg"))[:3]]


@pytest.fixture(scope="module")
def labels(pipeline: "Pipeline", music_files: list[Path]) -> Labels:
    """What came out of the label topic for these, once the catalog has them, too."""
    tracks = [(track_id, file.as_uri()) for track_id, file in zip(IDS, music_files, strict=True)]
    outcomes = pipeline.outcomes(pipeline.submit(*tracks), within_s=90.0)
    found = {event.track_id: event for event in outcomes.values() if isinstance(event, TrackLabeled)}
    assert found.keys() == set(IDS)

    def all_there() -> bool:
        answer = httpx.get(f"{address_of(pipeline)}/v1/tracks", params={"ids": ",".join(IDS)}, trust_env=False)
        return all(answer.json()["tracks"])

    pipeline.eventually(all_there, within_s=30.0)
    return found


def address_of(pipeline: "Pipeline") -> str:
    return f"http://127.0.0.1:{pipeline.stack.catalog_port}"


class Redirected(tekore.Sender):  # type: ignore[misc]  # it has no annotations
    """Sends to us what is meant for Spotify."""

    def __init__(self, address: str) -> None:
        self._sender = tekore.SyncSender(httpx.Client(timeout=30, trust_env=False))
        self._address = address

    @property
    def is_async(self) -> bool:
        return False

    def send(self, request: tekore.Request) -> Any:
        request.url = request.url.replace("https://api.spotify.com", self._address)
        return self._sender.send(request)

    def close(self) -> None:
        self._sender.close()


@pytest.fixture
def tk(pipeline: "Pipeline") -> Iterator[tekore.Spotify]:
    sender = Redirected(address_of(pipeline))
    yield tekore.Spotify("any", sender=sender)
    sender.close()


def test_spotipy_gets_what_the_pipeline_has_labeled(pipeline: "Pipeline", labels: Labels) -> None:
    sp = spotipy.Spotify(auth="any", retries=0, status_retries=0, requests_timeout=30)
    sp.prefix = f"{address_of(pipeline)}/v1/"

    for features in sp.audio_features(list(IDS)):
        label = labels[features["id"]]
        assert features["tempo"] == label.features.tempo
        assert features["energy"] == label.features.energy
        assert features["duration_ms"] == label.features.duration_ms
    best = labels[IDS[0]].genres[0].genre
    assert best in sp.recommendation_genre_seeds()["genres"]
    assert sp.track(IDS[1])["duration_ms"] == labels[IDS[1]].features.duration_ms
    others = sp.recommendations(seed_tracks=[IDS[0]], limit=100)["tracks"]
    assert {IDS[1], IDS[2]} <= {track["id"] for track in others}
    assert IDS[0] not in [track["id"] for track in others]
    found = sp.search(f"genre:{best}", limit=50)["tracks"]
    assert IDS[0] in [track["id"] for track in found["items"]]


def test_tekore_gets_what_the_pipeline_has_labeled(tk: tekore.Spotify, labels: Labels) -> None:
    for features in tk.tracks_audio_features(list(IDS)):
        label = labels[features.id]
        assert (features.tempo, features.valence) == (label.features.tempo, label.features.valence)
    assert labels[IDS[0]].genres[0].genre in tk.recommendation_genre_seeds()
    assert [track.id for track in tk.tracks(list(IDS))] == list(IDS)
    best = labels[IDS[2]].genres[0].genre
    assert tk.recommendations(genres=[best], limit=5).tracks
    [page] = tk.search(f"genre:{best}", types=("track",), limit=50)
    assert IDS[2] in [track.id for track in page.items]


def test_spotifys_own_sdk_gets_what_the_pipeline_has_labeled(pipeline: "Pipeline", labels: Labels) -> None:
    node = shutil.which("node")
    if node is None or not SDK.is_dir():
        must_run = os.environ.get("CI") == "true" or os.environ.get("NEEDLEDROP_TEST_ASYNCAPI") == "1"
        (pytest.fail if must_run else pytest.skip)("no node, or no SDK: npm install --prefix tests/contract")
    best = labels[IDS[0]].genres[0].genre
    command = [node, str(SDK.parents[2] / "spotify.mjs"), address_of(pipeline), *IDS]
    environment = {**os.environ, "QUERY": f"genre:{best}", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)

    assert [one["tempo"] for one in answer["features"]] == [labels[track_id].features.tempo for track_id in IDS]
    assert best in answer["genres"]
    assert answer["one"]["id"] == IDS[0]
    assert [track["id"] for track in answer["tracks"]] == list(IDS)
    assert {IDS[1], IDS[2]} <= {track["id"] for track in answer["recommended"]["tracks"]}
    assert IDS[0] in [track["id"] for track in answer["found"]["items"]]


def test_a_deleted_track_is_gone_for_clients_too(pipeline: "Pipeline", labels: Labels, write_tune: "WriteTune") -> None:
    [submission] = pipeline.submit(("clientsGone", write_tune("clients-gone.wav", seed=77).as_uri()))
    pipeline.outcomes([submission], within_s=60.0)
    address = f"{address_of(pipeline)}/v1/tracks/clientsGone"

    def status() -> int:
        return httpx.get(address, trust_env=False).status_code

    pipeline.eventually(lambda: status() == 200, within_s=30.0)
    pipeline.delete("clientsGone")
    pipeline.eventually(lambda: status() == 404, within_s=60.0)
