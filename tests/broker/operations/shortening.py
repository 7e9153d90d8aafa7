"""The product's own Prometheus files with shorter times, so that what takes hours there takes seconds in a test."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
# Windows of vectors and offsets; names like ratio_rate5m are none.
_TIMES = re.compile(r"(?P<before>\[|\boffset )(?P<time>\d+(?:ms|[smhdw]))(?P<after>\]|\b)")


@dataclass(frozen=True)
class Shortening:
    """How: a ``factor`` of the time, and no more than so much, so that a day is over as soon as an hour."""

    factor: float
    most_window_s: float
    most_for_s: float

    def window(self, time: str) -> str:
        """Of a vector, or an offset."""
        return _text(min(_seconds(time) * self.factor, self.most_window_s))

    def expression(self, expression: str) -> str:
        """The same with shorter windows and offsets; thresholds stay as they are."""
        return _TIMES.sub(lambda found: f"{found['before']}{self.window(found['time'])}{found['after']}", expression)

    def rules(self, text: str) -> str:
        """A file of rules."""
        rules: dict[str, Any] = yaml.safe_load(text)
        for group in rules["groups"]:
            group["rules"] = [self._rule(rule) for rule in group["rules"]]
        return yaml.safe_dump(rules, sort_keys=False)

    def _rule(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        shorter = {**rule, "expr": self.expression(rule["expr"])}
        if "for" in rule:
            shorter["for"] = _text(min(_seconds(rule["for"]) * self.factor, self.most_for_s))
        return shorter


def local_configuration(source: Path, shortening: Shortening, ports: Mapping[str, int], *, own_port: int) -> str:
    """The repository's scrape configuration, for workers at ``ports`` (by name and ordinal) instead of compose's names.

    Everything else in it stays: jobs, relabeling, the folder of rules.
    """
    configuration: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    for setting in ("scrape_interval", "evaluation_interval"):
        every = configuration["global"][setting]
        configuration["global"][setting] = _text(max(_seconds(every) * shortening.factor, 1.0))
    jobs = {job["job_name"]: job for job in configuration["scrape_configs"]}
    [lookup] = jobs["needledrop"].pop("dns_sd_configs")
    jobs["needledrop"]["static_configs"] = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"__meta_dns_name": _worker(name, lookup["names"])}}
        for name, port in ports.items()
    ]
    jobs["prometheus"]["static_configs"] = [{"targets": [f"127.0.0.1:{own_port}"]}]
    return yaml.safe_dump(configuration, sort_keys=False)


def _worker(member: str, names: list[str]) -> str:
    worker = member.rpartition("-")[0]
    assert worker in names, f"the configuration looks for no {worker}"
    return worker


def _seconds(time: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|[smhdw])", time).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS_S[unit]


def _text(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
