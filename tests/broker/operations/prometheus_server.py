"""A real Prometheus on 127.0.0.1, and its API."""

import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from shared.embedded.processes import ChildProcess

_START_WITHIN_S = 30.0
_ANSWER_WITHIN_S = 10.0

Sample = tuple[float, float]
"""A moment (seconds since 1970) and a value."""


def prometheus_program() -> str:
    """Its path; skips the test where there is none."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (Debian: apt-get install prometheus)")
    return program


class PrometheusServer:
    """A context manager; its data, configuration and rules are in one folder.

    Args:
        port: where it listens.
        configuration: text of prometheus.yml.
        rules: texts of the files in the folder `rules` beside it, by name.
    """

    def __init__(self, folder: Path, port: int, *, configuration: str, rules: Mapping[str, str]) -> None:
        (folder / "rules").mkdir(parents=True)
        (folder / "prometheus.yml").write_text(configuration, encoding="utf-8")
        for name, text in rules.items():
            (folder / "rules" / name).write_text(text, encoding="utf-8")
        self.url = f"http://127.0.0.1:{port}"
        command = [
            prometheus_program(),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        ]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        self._child = ChildProcess("Prometheus", command, log_path=folder / "prometheus.log")

    def __enter__(self) -> Self:
        self._child.start()
        self._child.wait_until(self._is_ready, within_s=_START_WITHIN_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What it is now: series with `metric` and `value`."""
        return self._asked("query", query=expression)

    def history(self, expression: str, begin: float, end: float, *, step_s: float) -> list[list[Sample]]:
        """What it was between two moments: the samples of each series, numbers only."""
        found = self._asked("query_range", query=expression, start=str(begin), end=str(end), step=str(step_s))
        return [[(at, float(value)) for at, value in series["values"] if value != "NaN"] for series in found]

    def _asked(self, what: str, **parameters: str) -> list[dict[str, Any]]:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_WITHIN_S) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except urllib.error.HTTPError as error:
            raise AssertionError(f"Prometheus refuses {parameters['query']}: {error.read().decode()}") from None
