"""`worker`, `up`, `demo`: starting things."""

import contextlib
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UnreachableError
from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import is_free
from shared.kafka.access import require_access
from shared.kafka.following import following
from shared.kafka.submitting import Submitter
from shared.lifecycle import run_until_signal
from shared.logs import start_logging
from shared.malloc_arenas import keep_few_arenas
from shared.outcomes import origin_of
from shared.redis.connection import require_login
from shared.settings.catalog import CatalogSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.media import MediaSettings
from shared.settings.redis import RedisSettings
from shared.settings.stack import StackSettings
from shared.settings.trends import TrendsSettings
from shared.settings.workers import (
    ClassifierSettings,
    ExtractorSettings,
    FeatureSettings,
    HttpSettings,
    LogSettings,
)
from shared.tracing import tracing
from workers.cli.console import err, out, progress
from workers.cli.demo_music import ATTRIBUTION, demo_music
from workers.cli.ensembles import chosen_ensemble
from workers.cli.publishing import submitted
from workers.cli.showing import show_outcome
from workers.cli.stack import PIPELINE, WORKERS, Stack, embedded_stack
from workers.cli.tracks import NamedTrack, media_roots, tracks_of

_DEMO_PATIENCE_S = 120.0
_USUAL_KAFKA_PORT = 9092

Names = Annotated[list[str] | None, typer.Argument(metavar="[PATH...]", help="Folders or files of music.")]
KafkaHomeOption = Annotated[
    Path | None,
    typer.Option("--kafka-home", envvar="KAFKA_HOME", help="An unpacked Apache Kafka: durable, for real loads."),
]


class Worker(StrEnum):
    """The workers."""

    EXTRACTOR = "extractor"
    CLASSIFIER = "classifier"
    PROJECTOR = "projector"
    TRENDS = "trends"
    CATALOG = "catalog"


def worker(name: Worker) -> None:
    """Run one worker until SIGTERM. Its settings are NEEDLEDROP_* in the environment (docs/settings.md)."""
    start_logging(loaded(LogSettings), worker=name.value)
    tracing.start(name.value)
    raise typer.Exit(run_until_signal(lambda stop: _run(name, stop)))


def _run(name: Worker, stop: threading.Event) -> None:
    kafka, http = loaded(KafkaSettings), loaded(HttpSettings)
    if name is Worker.EXTRACTOR:
        keep_few_arenas()  # now: the first Kafka client has threads, and an arena that is there stays
    require_access(kafka)
    if name is Worker.EXTRACTOR:
        from workers.extractor.main import run as extract

        ensemble, _ = chosen_ensemble()
        media, features = loaded(MediaSettings), loaded(FeatureSettings)
        extract(kafka, _redis(), http, media, features, loaded(ExtractorSettings), ensemble, stop)
    elif name is Worker.CLASSIFIER:
        from shared.models.sessions import RunningEnsemble
        from workers.classifier.main import run as classify

        ensemble, folder = chosen_ensemble()
        running, features = RunningEnsemble(ensemble, folder), loaded(FeatureSettings)
        classify(kafka, _redis(), http, features, loaded(ClassifierSettings), running, stop)
    elif name is Worker.PROJECTOR:
        from workers.projector.main import run as project

        project(kafka, _redis(), http, stop)
    elif name is Worker.TRENDS:
        from workers.trends.main import run as follow_trends

        follow_trends(kafka, loaded(TrendsSettings), http, stop)
    else:
        from workers.catalog.main import run as serve_catalog

        serve_catalog(kafka, loaded(CatalogSettings), loaded(MediaSettings), http, stop)


def _redis() -> RedisSettings:
    settings = loaded(RedisSettings)
    require_login(settings)
    return settings


def up(
    names: Names = None,
    kafka_home: KafkaHomeOption = None,
    state: Annotated[
        Path | None,
        typer.Option(envvar="NEEDLEDROP_STATE", help="Where Redis, logs and a real broker keep their files."),
    ] = None,
) -> None:
    """Run broker, Redis and all workers until Ctrl-C. PATHs become media roots, which workers may read."""
    state = state or loaded(StackSettings).state
    with _started(media_roots(names or []), kafka_home, state, WORKERS) as stack:
        _say_where(stack, state)
        out.print(
            "In another terminal: needledrop watch, needledrop submit PATH, needledrop get TRACK_ID. Ctrl-C ends."
        )
        if not names:
            out.print("[yellow]No PATH was named, so no file:// URI will be opened.[/]")
        threading.Event().wait()


@contextlib.contextmanager
def _started(roots: list[Path], kafka_home: Path | None, state: Path, workers: Sequence[str]) -> Iterator[Stack]:
    """The embedded stack, with a word to the person who waits; ends quietly on Ctrl-C and SIGTERM."""
    start_logging(LogSettings(level="WARNING", format="text"))
    for one in (signal.SIGTERM, signal.SIGINT):  # a shell starts what it runs in the background deaf to SIGINT
        signal.signal(one, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as parts:
        with err.status("Building the models (once)"):
            chosen_ensemble()
        with err.status("Starting broker, Redis and workers"):
            # Where clients look first, so that an address noted once stays right.
            port = _USUAL_KAFKA_PORT if is_free(_USUAL_KAFKA_PORT) else None
            stack = parts.enter_context(
                embedded_stack(roots, kafka_home=kafka_home, state=state, kafka_port=port, workers=workers)
            )
        parts.callback(lambda: err.print("[dim]stopping[/]"))
        yield stack


def _say_where(stack: Stack, state: Path) -> None:
    kind = "forgets at every stop" if stack.embedded else f"durable in {state}"
    out.print(f"Kafka       {stack.bootstrap_servers}  ({kind})")
    out.print(f"Redis       {stack.redis_url}")
    out.print(f"Page        http://127.0.0.1:{stack.catalog_port}/  (choose music; its API is under /api)")
    out.print(f"Trends      http://127.0.0.1:{stack.trends_port}/")
    for name, port in stack.http_ports.items():
        out.print(f"{name:<11} http://127.0.0.1:{port}/metrics")
    out.print(f"Logs        {state / 'logs'}")


def demo(names: Names = None, kafka_home: KafkaHomeOption = None) -> None:
    """The whole pipeline on your own machine: labels are printed as they arrive."""
    if not names:
        with err.status("Fetching a demo track (once)"):
            names = [str(demo_music())]
        out.print(f"[dim]Music: {ATTRIBUTION}[/]")
    tracks = tracks_of(names)
    with tempfile.TemporaryDirectory(prefix="needledrop-demo-") as state:
        with _started(media_roots(names), kafka_home, Path(state), PIPELINE) as stack:
            os.environ.update(stack.environment())
            _show_labels_of(tracks)
        out.print("Next: `needledrop up FOLDER` keeps it running; README.md shows how to subscribe to the labels.")


def _show_labels_of(tracks: list[NamedTrack]) -> None:
    kafka = loaded(KafkaSettings)
    began = time.monotonic()
    waiting = {event.submission_id: event for event in map(submitted, tracks)}
    n_labeled = n_failed = 0
    with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=False) as follower, progress() as bar:
        task = bar.add_task("labeling", total=len(waiting))
        threading.Thread(target=_submit_all, args=(kafka, list(waiting.values())), daemon=True).start()
        last = time.monotonic()
        while waiting and time.monotonic() - last < _DEMO_PATIENCE_S:
            record = follower.take(timeout_s=0.2)
            if record is None or waiting.pop(origin_of(record).submission_id, None) is None:
                continue
            last = time.monotonic()
            n_labeled += record.topic == TRACKS_LABELED.name
            n_failed += record.topic == TRACKS_FAILED.name
            show_outcome(record, as_json=False)
            bar.advance(task)
    seconds = time.monotonic() - began
    out.print(f"[bold]{n_labeled} labeled, {n_failed} failed[/] in {seconds:.1f} s, over Kafka and all workers.")
    if waiting:
        raise UnreachableError(
            f"no outcome for {len(waiting)} tracks within {_DEMO_PATIENCE_S:.0f} s, among them "
            f"{next(iter(waiting.values())).track_id}; please report it"
        )


def _submit_all(kafka: KafkaSettings, events: list[TrackSubmitted]) -> None:
    with Submitter(kafka) as submitter:
        for event in events:
            submitter.submit(event)
