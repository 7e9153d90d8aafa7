"""A file that hangs or kills its decoding process costs that process, and nobody else anything."""

import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from schemas.events import TrackFailed
from schemas.topics import TRACKS_FEATURES
from tests.end_to_end.fuzz.hostile_analysis import BREAKS, HANGS, KILLS, hostile_analysis
from tests.end_to_end.fuzz.workbench import Workbench

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def decode_timeout_s() -> float:
    """What a neighbour of 0.3 s may take on a busy machine; a file that hangs takes it twice."""
    return 5.0


@pytest.fixture(scope="module", autouse=True)
def hostile() -> Iterator[None]:
    """Before any process starts: autouse fixtures come first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workers.extractor.extraction.analyse", hostile_analysis)
        yield


@pytest.fixture
def ended(bench: Workbench) -> "Ended":
    """Extracts what is at a URI or path: the failure, None for features."""

    def extract(place: str | Path) -> TrackFailed | None:
        uri = place.as_uri() if isinstance(place, Path) else place
        [outcome] = bench.extract(bench.submission(uri, 1))
        return None if outcome.topic == TRACKS_FEATURES.name else TrackFailed.from_json(outcome.value or b"")

    return extract


Ended = Callable[[str | Path], TrackFailed | None]


@pytest.mark.parametrize(
    ("content", "reason", "said", "restarted"),
    [
        (HANGS, "decoder_timeout", "NEEDLEDROP_MEDIA_DECODE_TIMEOUT_S", {"timeout": 2}),
        (KILLS, "decoder_crashed", "SIGSEGV", {"crash": 2}),
        (BREAKS, "internal_error", "Please report it", {}),
    ],
)
def test_a_file_that_hangs_kills_or_breaks_its_decoder_fails_alone(
    bench: Workbench,
    ended: Ended,
    restarts: Counter[str],
    content: bytes,
    reason: str,
    said: str,
    restarted: dict[str, int],
) -> None:
    restarts.clear()
    hostile = bench.root / f"{reason}.mp3"
    hostile.write_bytes(content)
    neighbours = []
    for number, name in enumerate(sorted(bench.whole) * 2):
        neighbours.append(bench.root / f"{number}-{name}")
        neighbours[-1].write_bytes(bench.whole[name])
    family = len(psutil.Process().children(recursive=True))

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(ended, [*neighbours[:10], hostile, *neighbours[10:]]))

    failure = outcomes.pop(10)
    assert failure is not None
    assert failure.reason == reason
    assert said in failure.message
    assert outcomes == [None] * len(neighbours)
    assert restarts == restarted
    assert len(psutil.Process().children(recursive=True)) == family


def test_what_is_no_file_in_a_media_root_is_refused_and_never_waited_for(bench: Workbench, ended: Ended) -> None:
    root = bench.root / "odd"
    (root / "folder.mp3").mkdir(parents=True)
    os.mkfifo(root / "pipe.mp3")
    for name, target in {"zero": "/dev/zero", "tty": "/dev/tty", "environ": "/proc/self/environ"}.items():
        (root / f"{name}.mp3").symlink_to(target)
    (root / "loop.mp3").symlink_to("loop.mp3")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{here}/socket.mp3" if sys.platform == "linux" else str(root / "s"))
        finally:
            os.close(here)
        failures = {path.name: ended(path) for path in root.glob("*.mp3")}

    assert len(failures) >= 6
    assert {failure.reason for failure in failures.values() if failure} == {"uri_refused"}
    assert None not in failures.values()
