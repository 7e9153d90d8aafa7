"""The pipeline while Redis does not answer: labels go on, and views follow when it is back."""

import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import psutil

WITHIN_S = 90.0
N_TRACKS = 6


@contextmanager
def silent_redis(url: str) -> Iterator[None]:
    """It takes connections, and answers nothing."""
    port = str(urlsplit(url).port)
    [server] = [
        child
        for child in psutil.Process().children(recursive=True)
        if re.search("redis|valkey", child.name()) and port in " ".join(child.cmdline())
    ]
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def n_unavailable(pipeline: Any, worker: str) -> float:
    return sum(
        float(line.rpartition(" ")[2])
        for line in pipeline.metrics(worker).splitlines()
        if 'outcome="unavailable"' in line and not line.startswith("#")
    )


def status(pipeline: Any, worker: str, page: str) -> int:
    try:
        address = f"http://127.0.0.1:{pipeline.stack.http_ports[worker]}/{page}"
        with urllib.request.urlopen(address, timeout=10.0) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_tracks_are_labeled_and_counted_while_redis_is_silent_and_their_views_follow(
    own_pipeline: Any, write_tune: Any
) -> None:
    paths = [write_tune(f"without-redis-{number}.ogg", seed=700 + number) for number in range(N_TRACKS)]
    with own_pipeline() as pipeline:
        with silent_redis(pipeline.stack.redis_url):
            submissions = pipeline.submit(*((f"silent/{n}", path.as_uri()) for n, path in enumerate(paths)))
            outcomes = pipeline.outcomes(submissions, within_s=WITHIN_S)

            assert not any(outcome.from_cache for outcome in outcomes.values())
            pipeline.eventually(lambda: n_unavailable(pipeline, "extractor") >= N_TRACKS)
            assert n_unavailable(pipeline, "classifier") >= N_TRACKS
            assert [status(pipeline, worker, "readyz") for worker in ("extractor", "classifier")] == [200, 200]
            assert status(pipeline, "projector", "readyz") == 503
            assert status(pipeline, "projector", "livez") == 200

        for number, submission in enumerate(submissions):
            expected = outcomes[submission].to_json()
            pipeline.eventually(
                lambda number=number, expected=expected: (
                    (view := pipeline.view(f"silent/{number}")) and view.value == expected
                ),
                within_s=30.0,
            )
        pipeline.eventually(lambda: status(pipeline, "projector", "readyz") == 200)
