"""Thousands of spoiled inputs through the real handlers. `make fuzz` is the long form; a finding prints its seed."""

import gc
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.end_to_end.fuzz.workbench import Workbench

N_INPUTS = int(os.environ.get("NEEDLEDROP_TEST_FUZZ_INPUTS", "2000"))
IS_LONG_FORM = "NEEDLEDROP_TEST_FUZZ_INPUTS" in os.environ
SEED = int(os.environ.get("NEEDLEDROP_TEST_FUZZ_SEED", "20261125"))
# Inputs of each kind among a hundred.
SHARES = {"audio": 61, "event": 10, "uri": 10, "headers": 5, "http": 6, "features": 2, "outcome": 5, "excerpt": 1}
N_THREADS = 4
MIB = 2**20
# What allocators keep for later. The short form cannot tell it from a leak; 10,000 inputs leaking 10 kB each would.
_MAY_GROW_BYTES = 80 * MIB


def kind_of(number: int) -> str:
    """Every kind comes early and as often as its share says."""
    return random.Random(f"{SEED}-kind-{number}").choices(list(SHARES), list(SHARES.values()))[0]


def rss_bytes() -> tuple[int, int]:
    """Resident memory of this process, and of its children together."""
    gc.collect()
    ours = psutil.Process()
    return ours.memory_info().rss, sum(child.memory_info().rss for child in ours.children(recursive=True))


@pytest.mark.timeout(max(240, N_INPUTS))
def test_spoiled_inputs_end_as_an_event_or_a_failure_and_leave_nothing_behind(
    bench: Workbench, restarts: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes: Counter[str] = Counter()
    findings: list[str] = []

    def one(number: int) -> None:
        kind = kind_of(number)
        try:
            outcome = bench.kinds[kind](random.Random(f"{SEED}-{number}"), number)
        except Exception as error:  # noqa: BLE001 - the finding that we look for
            findings.append(f"seed {SEED}, input {number}, {kind}: {error!r}")
        else:
            outcomes[f"{kind} {outcome}"] += 1

    n_warm = min(N_INPUTS // 4, 1000)  # allocators and caches have grown to their size
    with ThreadPoolExecutor(N_THREADS) as threads:
        began = time.monotonic()
        list(threads.map(one, range(1, n_warm)))
        before, n_open, family = rss_bytes(), psutil.Process().num_fds(), len(psutil.Process().children(recursive=True))
        list(threads.map(one, range(n_warm, N_INPUTS + 1)))
        took_s = time.monotonic() - began
        after = rss_bytes()

    if IS_LONG_FORM:
        lines = [f"\nseed {SEED}: {N_INPUTS} inputs in {took_s:.0f} s; processes replaced: {dict(restarts)}"]
        lines += [
            f"memory of {whose}: {then / MIB:.0f} MB after {n_warm} inputs, {now / MIB:.0f} MB at the end"
            for whose, then, now in zip(("this process", "its children"), before, after, strict=True)
        ]
        lines += [f"{n:6}  {outcome}" for outcome, n in sorted(outcomes.items())]
        with capsys.disabled():
            sys.stdout.write("\n".join(lines) + "\n")
    assert not findings, "\n".join(findings[:20])
    assert outcomes.total() == N_INPUTS
    assert len(psutil.Process().children(recursive=True)) == family
    assert psutil.Process().num_fds() <= n_open + N_THREADS
    # A decoder may crash over a file (libsndfile does, seeking in damaged Vorbis): then that file says so, no other.
    assert restarts.total() == 2 * sum(n for outcome, n in outcomes.items() if "decoder_" in outcome)
    assert max(now - then for now, then in zip(after, before, strict=True)) < _MAY_GROW_BYTES
