import json
import subprocess
import sys
import uuid
from typing import Any

from shared.embedded.ports import free_port

TOP = [sys.executable, "-m", "workers.cli.main", "top"]


def test_top_shows_what_every_stage_does_while_tracks_come(pipeline: Any, write_tune: Any) -> None:
    addresses = [f"127.0.0.1:{port}" for port in pipeline.stack.http_ports.values()]
    track, tune = f"top-{uuid.uuid4()}", write_tune("top.wav", seed=9)
    with subprocess.Popen([*TOP, *addresses, "--every", "0.5"], stdout=subprocess.PIPE, text=True) as top:
        assert top.stdout is not None
        first: dict[str, Any] = json.loads(top.stdout.readline())
        pipeline.outcomes(
            pipeline.submit((track, tune.as_uri()), (f"{track}-gone", "file:///nowhere.ogg")), within_s=90
        )
        seen = first
        while not (seen["labels_per_s"] and any(stage["failures"] for stage in seen["stages"])):  # the test has a limit
            seen = json.loads(top.stdout.readline())
        top.kill()

    assert [stage["stage"] for stage in first["stages"]] == list(pipeline.stack.http_ports)  # in the order of the flow
    extractor = seen["stages"][0]
    assert extractor["failures"] == {"uri_refused": 1}
    assert extractor["p50_s"] > 0
    assert seen["p99_s"] > 0
    assert seen["genres"]
    assert seen["silent"] == []


def test_top_says_in_one_line_that_nobody_answers() -> None:
    address = f"127.0.0.1:{free_port()}"

    done = subprocess.run([*TOP, address], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert done.stderr.strip() == f"needledrop: no worker answers at {address}: name their HOST:PORT"
