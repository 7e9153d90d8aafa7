from dataclasses import dataclass

import pytest

from shared.health.checks import StreamChecks

STUCK_AFTER_S = 180.0


@dataclass
class ManualStream:
    joined: bool = True
    lag: int = 0
    last_progress: float = 1000.0


def live_after(silent_s: float, stream: ManualStream) -> str | None:
    checks = StreamChecks(stream, stuck_after_s=STUCK_AFTER_S, clock=lambda: stream.last_progress + silent_s)
    return checks.live()


@pytest.mark.parametrize("lag", [0, 7])
def test_a_stream_is_live_while_its_silence_is_short(lag: int) -> None:
    assert live_after(STUCK_AFTER_S, ManualStream(lag=lag)) is None


def test_a_stream_is_stuck_that_has_lag_and_commits_nothing() -> None:
    assert live_after(200.4, ManualStream(lag=7)) == "stuck: 7 offsets behind and nothing committed for 200 s"


def test_a_stream_is_stuck_whose_loop_no_longer_turns_though_no_lag_was_seen_before() -> None:
    assert live_after(STUCK_AFTER_S + 1, ManualStream(lag=0)) is not None


def test_a_stream_is_ready_once_it_has_joined() -> None:
    stream = ManualStream(joined=False)
    checks = StreamChecks(stream, stuck_after_s=STUCK_AFTER_S)

    assert checks.ready() == "not yet a member of its consumer group"
    stream.joined = True
    assert checks.ready() is None


def test_a_stream_is_not_ready_while_what_its_work_needs_is_missing() -> None:
    missing: list[str | None] = ["models are loading", None]
    checks = StreamChecks(ManualStream(), stuck_after_s=STUCK_AFTER_S, ready=lambda: missing.pop(0))

    assert [checks.ready(), checks.ready()] == ["models are loading", None]


def test_a_stream_whose_work_waits_for_others_is_live_and_has_its_time_again_afterwards() -> None:
    stream, now_s, waits = ManualStream(lag=7), [1000.0], [True]
    checks = StreamChecks(stream, stuck_after_s=STUCK_AFTER_S, waits=lambda: waits[0], clock=lambda: now_s[0])

    now_s[0] += 10 * STUCK_AFTER_S
    assert checks.live() is None
    waits[0] = False
    now_s[0] += STUCK_AFTER_S - 1
    assert checks.live() is None
    now_s[0] += 2
    assert checks.live() is not None
