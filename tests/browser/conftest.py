"""A running catalog that is fed over Kafka, and real Chromium that looks at its pages."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from shared.kafka.records import Record
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from tests.catalog_events import labeled
from tests.running_catalog import TOPICS, RunningCatalog, publish

AXE = Path(__file__).parent.parent / "contract" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_MS = 10_000
GENRES = ("jazz", "classical", "folk", "rock")
MOODS = ("mellow", "happy", "dark")
N_TRACKS = 64
TONE_S = 12.0

expect.set_options(timeout=PATIENCE_MS)

New = Callable[..., "Looking"]


def must_run() -> bool:
    """Whether a skip would hide something: in continuous integration, which installs what is needed."""
    return os.environ.get("CI") == "true"


def lacking(what: str) -> None:
    """Skip, or fail where it must not be lacking."""
    (pytest.fail if must_run() else pytest.skip)(what)


def track(n: int, file: Path) -> Record:
    """The label of track ``n``: on the map they are a grid of 8 by 8, a file to play lies behind each but the last."""
    energy, valence = (n % 8) / 8 + 0.0625, (n // 8 % 8) / 8 + 0.0625
    genre = GENRES[n % 4]
    return labeled(
        f"{genre}/{n:02}.wav",
        n + 1,
        genres=[{"genre": genre, "probability": 0.75}, {"genre": "blues", "probability": 0.25}],
        unsure=n % 16 == 13,
        tags={"mood": [{"tag": MOODS[n % 3], "probability": 0.5}]},
        features={
            "energy": energy,
            "valence": valence,
            "loudness": -12.0,
            "tempo": 60.0 + 2 * n,
            "key": n % 12,
            "mode": n % 2,
            "duration_ms": 12_000,
            "confidence": {"energy": 0.8, "tempo": 0.25},
        },
        submission_title=f"Tune {n:02}",
        submission_artist=f"Band {n % 5}",
        submission_year=1940 + n,
        submission_uri=file.as_uri() if n != N_TRACKS - 1 else "https://example.org/far.wav",
    )


def eventually(holds: Callable[[], object], within_s: float = 30.0) -> None:
    """Wait until it does."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


@dataclass
class FedCatalog:
    """A catalog, and what publishes labels for it to follow."""

    running: RunningCatalog
    kafka: KafkaSettings
    tone: Path

    @property
    def address(self) -> str:
        return self.running.address

    def ids(self, path: str) -> list[str]:
        """The ids of an answer of the API."""
        return [item["id"] for item in self.running.get(path)["items"]]

    def publish(self, *records: Record) -> None:
        publish(self.kafka, *records)


@pytest.fixture(scope="session")
def catalog(
    mock_bootstrap: Callable[[Mapping[str, int]], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FedCatalog]:
    """A catalog with N_TRACKS tracks that came over Kafka."""
    folder = tmp_path_factory.mktemp("catalog").resolve()
    tone = folder / "music" / "tone.wav"
    tone.parent.mkdir()
    seconds = np.arange(int(8000 * TONE_S)) / 8000
    soundfile.write(tone, (0.1 * np.sin(2 * np.pi * 220 * seconds)).astype(np.float32), 8000)
    kafka = KafkaSettings(bootstrap_servers=mock_bootstrap(TOPICS), embedded=True)
    publish(kafka, *(track(n, tone) for n in range(N_TRACKS)))
    running = RunningCatalog(kafka, folder / "state", MediaSettings(roots=(tone.parent,)))
    eventually(running.is_ready)
    yield FedCatalog(running, kafka, tone)
    running.stop()


# Of a module: while it is there, asyncio of this thread is its own, and whoever comes after could not use it.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((found for name in names if (found := shutil.which(name))), None)
    if executable is None:
        lacking("there is no Chromium: apt-get install chromium")
    arguments = ["--mute-audio", "--no-proxy-server", "--disable-background-networking"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # it refuses to be root with one
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments, timeout=60_000)
        yield browser
        browser.close()


@dataclass
class Looking:
    """A page that somebody looks at, and what it did besides."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    """Errors, and addresses of others that were asked for something."""

    def go(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def sound(self) -> dict[str, Any]:
        """The audio element: where it is in seconds, whether it is paused, its volume."""
        script = "() => { const {currentTime, paused, volume} = document.querySelector('audio');"
        found: dict[str, Any] = self.page.evaluate(script + " return {currentTime, paused, volume}; }")
        return found

    def wait_for_sound(self) -> dict[str, Any]:
        """Wait until something really plays."""
        playing = "() => (audio => !audio.paused && audio.currentTime > 0.2)(document.querySelector('audio'))"
        self.page.wait_for_function(playing)
        found = self.sound()
        assert not found["paused"]
        return found

    def violations(self) -> list[str]:
        """What axe-core finds wrong, for all levels and its best practices."""
        if not AXE.is_file():
            lacking("axe-core is not installed: npm install --prefix tests/contract")
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("async () => (await axe.run(document)).violations")
        return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found]


@pytest.fixture
def new(catalog: FedCatalog, chromium: Browser) -> Iterator[New]:
    """Opens browsers that know nothing of each other: ``new(width, height, **context)``; none may have a fault."""
    contexts: list[BrowserContext] = []
    opened: list[Looking] = []

    def start(width: int = 1280, height: int = 800, address: str = catalog.address, **options: Any) -> Looking:
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        looking = Looking(context.new_page(), address)
        opened.append(looking)
        looking.page.on("pageerror", lambda error: looking.faults.append(str(error)))
        looking.page.on("console", lambda said: looking.faults.append(said.text) if _is_fault(said.text) else None)
        ours = (address, "blob:", "data:")
        looking.page.on(
            "request", lambda asked: None if asked.url.startswith(ours) else looking.faults.append(asked.url)
        )
        return looking

    yield start
    for context in contexts:
        context.close()
    assert [looking.faults for looking in opened] == [[] for _ in opened]


def _is_fault(text: str) -> bool:
    # Chromium itself notes each 404; that a preview is lacking is the API's to say.
    return "Content Security Policy" in text or text.startswith(("Error", "Uncaught", "TypeError"))
