"""The rules of Prometheus: promtool takes them, every alert is tested both ways, and what they name is in the code."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.metrics.documents import declared, groups
from shared.metrics.labels import REASONS
from tests.contract.expressions import OF_PROMETHEUS, names_in

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
TESTS = sorted((Path(__file__).parent / "alerts").glob("*.yml"))
RUNBOOK = ROOT / "docs" / "runbook.md"


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
METRICS = {name: one for group in groups() for one in declared(group) for name in one.series}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    command = [program, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def selectors_in(expression: str) -> Iterator[tuple[str, str, str]]:
    """(metric, label, value) of each matcher with one plain value."""
    for metric, matchers in re.findall(r"(needledrop_\w+)\{([^}]*)\}", expression):
        for label, value in re.findall(r'(\w+)!?="([^"]*)"', matchers):
            yield metric, label, value


def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", *RULES)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    done = promtool("test", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_alert_that_no_longer_fires_fails_its_test(tmp_path: Path) -> None:
    for rule in RULES:
        text = rule.read_text(encoding="utf-8")
        (tmp_path / rule.name).write_text(text.replace("needledrop_projector_redis_up", "needledrop_projector_redis"))
    tests = (Path(__file__).parent / "alerts" / "redis.yml").read_text(encoding="utf-8")
    (tmp_path / "test.yml").write_text(tests.replace("../../../deploy/prometheus/rules/", ""))

    done = promtool("test", "rules", tmp_path / "test.yml")

    assert done.returncode != 0
    assert "NeedledropRedisDown fires" in done.stdout + done.stderr


def test_every_alert_is_tested_both_ways() -> None:
    ways: dict[str, set[bool]] = {name: set() for name in ALERTS}
    for path in TESTS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for one in test["alert_rule_test"]:
                ways[one["alertname"]].add(bool(one["exp_alerts"]))

    assert {name for name, found in ways.items() if found != {True, False}} == set()


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_bad_it_is_what_it_is_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]

    assert alert["labels"]["severity"] in ("page", "ticket", "info")
    assert alert["annotations"]["summary"]
    path, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert ROOT / path == RUNBOOK
    assert anchor in {heading.lower() for heading in re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE)}


def test_runbook_has_an_entry_for_each_alert_and_no_other() -> None:
    assert set(re.findall(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)) == ALERTS.keys()


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rule_reads_metrics_that_the_code_has(rule: dict[str, Any]) -> None:
    names = names_in(rule["expr"])

    assert names
    assert names - METRICS.keys() - RECORDED - OF_PROMETHEUS == set()


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule.get("alert") or rule["record"])
def test_rule_selects_labels_that_the_metric_has(rule: dict[str, Any]) -> None:
    for metric, label, value in selectors_in(rule["expr"]):
        assert label in (*METRICS[metric].labels, "le"), f"{metric} has no label {label}"
        assert label != "reason" or value in REASONS, value


def test_misspelt_metric_is_found() -> None:
    assert names_in('sum by (stage) (rate(needledrop_stream_record_taken_total{stage="x"}[5m]))') - METRICS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_runbook_says_of_each_alert_what_it_means_who_is_affected_where_to_look_and_what_to_do(name: str) -> None:
    entry = re.split(
        r"^#+ ", RUNBOOK.read_text(encoding="utf-8").partition(f"### {name}\n")[2], maxsplit=1, flags=re.MULTILINE
    )[0]

    assert re.findall(r"^\*\*(\w+)\*\*", entry, re.MULTILINE) == ["Means", "Affected", "Look", "Do"]


def test_runbook_names_settings_that_there_are() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    named = set(re.findall(r"NEEDLEDROP_[A-Z_]+", RUNBOOK.read_text(encoding="utf-8")))
    assert {name for name in named if f"`{name}`" not in settings} == set()


def test_runbook_names_metrics_that_there_are() -> None:
    named = set(re.findall(r"needledrop[_:][a-z0-9_:]+", RUNBOOK.read_text(encoding="utf-8")))

    assert {name.rstrip(":_") for name in named} - {
        *METRICS,
        *RECORDED,
        *(one.name for group in groups() for one in declared(group)),
    } == set()
