"""The rules with which alerts are fired in tests are the shipped ones, but for times."""

import re
from pathlib import Path

from tests.broker.operations.shortening import Shortening, local_configuration
from tests.contract.test_alerts import RULES, promtool, rules
from tests.contract.test_prometheus_configuration import PATH, checked_by_promtool

SHORTENING = Shortening(factor=1 / 60, most_window_s=10.0, most_for_s=5.0)


def test_windows_and_offsets_are_shorter_and_thresholds_and_names_are_not() -> None:
    shorter = SHORTENING.expression("needledrop:late:ratio_rate5m > 300 and rate(a[5m]) / b offset 7d > rate(c[2m:1m])")

    assert shorter == ("needledrop:late:ratio_rate5m > 300 and rate(a[5000ms]) / b offset 10000ms > rate(c[2000ms:1m])")


def test_only_times_differ_from_the_shipped_rules() -> None:
    for rule in rules():
        shorter = SHORTENING.expression(rule["expr"])
        assert re.sub(r"\d+ms\b", "T", shorter) == re.sub(
            r"(?<=\[)\d+[smhd]\b|(?<=offset )\d+[smhd]\b", "T", rule["expr"]
        )
        assert ("[" in shorter) == ("ms]" in shorter)


def test_promtool_accepts_the_shortened_rules_and_configuration(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    shortened = [tmp_path / "rules" / path.name for path in RULES]
    for path, shorter in zip(RULES, shortened, strict=True):
        shorter.write_text(SHORTENING.rules(path.read_text()))
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(local_configuration(PATH, SHORTENING, {"extractor-0": 9400}, own_port=9090))

    done = promtool("check", "rules", *shortened)
    assert done.returncode == 0, done.stdout + done.stderr
    done = checked_by_promtool(configuration)
    assert done.returncode == 0, done.stdout + done.stderr
