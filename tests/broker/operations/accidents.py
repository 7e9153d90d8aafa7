"""What befalls the pipeline, and which alerts must fire over it."""

import os
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus

import psutil

from tests.broker.chaos.pipeline import Pipeline
from tests.broker.operations.audio_host import AudioHost
from tests.broker.operations.load import Load, submission

FLOOD_PER_S = 60.0
N_AT_ONCE = 1400
"""NeedledropLagGrowing is about more than 1,000 offsets."""
N_SLOW = 16
"""More than the extractor takes at once."""
LATE_S = 90.0
"""The objective is 60 s."""
N_RESTARTS = 3
_CHANGED_WITHIN_S = 40.0
_SEEN_WITHIN_S = 2.0  # by a Prometheus that looks every second
_LOOK_EVERY_S = 0.2

REDIS_AWAY = ("NeedledropRedisDown", "NeedledropCacheUnavailable")
CLASSIFIER_STOPPED = ("NeedledropWorkerMissing", "NeedledropHeldBack")
HOST_SLOW = ("NeedledropLagGrowing",)
FLOOD = ("NeedledropFailing", "NeedledropDeadLetters", "NeedledropLate")
RESTARTS = ("NeedledropRestarting",)
SLOT_TAKEN = ("NeedledropFenced",)


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Accident:
    """Something that goes wrong, and is put right when its alerts have fired."""

    alerts: tuple[str, ...]
    what: str
    begin: Callable[[], object]
    end: Callable[[], object] = _nothing


def usual_accidents(pipeline: Pipeline, load: Load, host: AudioHost) -> list[Accident]:
    """Redis is killed, the classifier stops, a host is slow, and bad submissions come in a flood; in this order."""

    def be_cut_off() -> None:
        host.become_slow()
        load.add([submission(f"{host.address}/slow-{n}.wav") for n in range(N_SLOW)])
        load.add([load.bad_submission(age_s=LATE_S) for _ in range(N_AT_ONCE)])
        load.bad_per_s = FLOOD_PER_S

    def end_flood() -> None:
        load.bad_per_s = 0.0

    redis, scale = pipeline.redis_server, pipeline.scale_to
    return [
        Accident(REDIS_AWAY, "Redis is killed", redis.kill, redis.start),
        Accident(
            CLASSIFIER_STOPPED,
            "the classifier is stopped",
            lambda: scale("classifier", 0),
            lambda: scale("classifier", 1),
        ),
        Accident(
            HOST_SLOW,
            "a host is slow, and an ingest system that was cut off sends all at once",
            be_cut_off,
            host.become_quick,
        ),
        Accident(FLOOD, "the host is quick again, and most of what comes is bad", _nothing, end_flood),
    ]


def rare_accidents(pipeline: Pipeline) -> list[Accident]:
    """A worker is killed again and again, and another takes the slot of one that runs."""
    extractor = pipeline.roles["extractor"]
    intruder = replace(extractor, name="intruder", environment={**extractor.environment, "NEEDLEDROP_KAFKA_SLOT": "0"})
    fleet = pipeline.fleet

    def kill_again_and_again() -> None:
        for _ in range(N_RESTARTS):
            fleet.kill("projector", 0)
            fleet.revive()
            _until(lambda: _answers(fleet.http_ports["projector-0"]))
            time.sleep(_SEEN_WITHIN_S)

    def put_right() -> None:
        fleet.scale(intruder, 0)
        _until(lambda: fleet.pid("extractor", 0) is None)  # it stays until its last numbers were read
        fleet.scale(extractor, 1)

    return [
        Accident(RESTARTS, "the projector is killed again and again", kill_again_and_again),
        Accident(
            SLOT_TAKEN,
            "another extractor takes the slot of the one that runs",
            lambda: fleet.scale(intruder, 1),
            put_right,
        ),
    ]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _CHANGED_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "a worker does not start, or does not end"
        time.sleep(_LOOK_EVERY_S)


def _answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1.0) as answer:
        return bool(answer.status == HTTPStatus.OK)
    return False


def kill_a_decoder(pipeline: Pipeline) -> None:
    """SIGKILL to a decoding process: the extractor's child is what these are forked from."""
    extractor = psutil.Process(pipeline.fleet.pid("extractor", 0))
    decoders = [one for one in extractor.children(recursive=True) if not one.children()]
    with suppress(ProcessLookupError):
        os.kill(decoders[0].pid, 9)
