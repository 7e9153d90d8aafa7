"""`drain` and `resume` on a running pipeline."""

import json
import os
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

WITHIN_S = 60.0


def needledrop(pipeline: Any, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **pipeline.stack.environment(), **more}
    command = [sys.executable, "-m", "workers.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_drained_pipeline_is_empty_and_what_comes_meanwhile_waits(own_pipeline: Any, write_tune: Any) -> None:
    tunes = [write_tune(f"drained-{seed}.ogg", seed=80 + seed) for seed in range(6)]
    with own_pipeline() as pipeline:
        before = pipeline.submit(*((f"drained/{n}", tune.as_uri()) for n, tune in enumerate(tunes)))
        drained = needledrop(pipeline, "drain")
        rest = json.loads(drained.stdout)
        finished = pipeline.outcomes_so_far(before, within_s=2.0)
        views = [n for n in range(len(tunes)) if pipeline.view(f"drained/{n}")]

        later = pipeline.submit(("drained/later", tunes[0].as_uri()))
        left = [submission for submission in [*before, *later] if submission not in finished]
        time.sleep(2.0)
        metrics, waited = pipeline.metrics("extractor"), pipeline.outcomes_so_far(left, within_s=2.0)
        # Nobody looks at the switch of another Redis.
        url = urlsplit(pipeline.stack.redis_url)._replace(path="/1").geturl()
        unheard = needledrop(pipeline, "drain", "--within", "2", NEEDLEDROP_REDIS_URL=url)
        resumed = needledrop(pipeline, "resume")
        pipeline.outcomes(left, within_s=WITHIN_S)

    assert drained.returncode == 0, drained.stderr
    assert rest["empty"]
    assert rest["at_rest"] == rest["partitions"] > 0
    # Each was either finished, with its view, or not begun.
    assert len(finished) + rest["waiting"] == len(tunes)
    assert len(views) == len(finished)
    assert waited == {}
    assert "needledrop_extractor_draining 1.0" in metrics
    assert unheard.returncode == 1
    assert "not empty: 0 of" in unheard.stderr
    assert "extractors go on" in resumed.stderr
