"""deploy/prometheus/prometheus.yml: promtool reads it, and it scrapes the workers of docker-compose.yml."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings.workers import HttpSettings
from workers.cli.running import Worker

ROOT = Path(__file__).parents[2]
PATH = ROOT / "deploy" / "prometheus" / "prometheus.yml"


def checked_by_promtool(path: Path) -> subprocess.CompletedProcess[str]:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    command = [promtool, "check", "config", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_promtool_accepts_the_configuration() -> None:
    done = checked_by_promtool(PATH)

    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_refuses_the_configuration_when_a_field_is_misspelt(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    misspelt = tmp_path / "prometheus.yml"
    misspelt.write_text(PATH.read_text(encoding="utf-8").replace("refresh_interval", "refresh_intervall"))

    done = checked_by_promtool(misspelt)

    assert done.returncode != 0
    assert "refresh_intervall" in done.stdout + done.stderr


def test_every_worker_is_scraped_at_the_port_and_the_path_where_it_has_metrics() -> None:
    jobs: dict[str, dict[str, Any]] = {
        job["job_name"]: job for job in yaml.safe_load(PATH.read_text(encoding="utf-8"))["scrape_configs"]
    }
    [lookup] = jobs["needledrop"]["dns_sd_configs"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]

    assert sorted(lookup["names"]) == sorted(worker.value for worker in Worker)
    assert set(lookup["names"]) <= services.keys()
    assert lookup["type"] == "A"
    assert lookup["port"] == HttpSettings().port
    assert "metrics_path" not in jobs["needledrop"]  # Prometheus' default is /metrics, as is ours


def test_compose_file_gives_prometheus_the_configuration_where_it_looks() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]

    mounted = {one["target"]: one["source"] for one in services["prometheus"]["volumes"] if isinstance(one, dict)}
    assert mounted == {
        "/etc/prometheus/prometheus.yml": "./deploy/prometheus/prometheus.yml",
        "/etc/prometheus/rules": "./deploy/prometheus/rules",
    }
    assert yaml.safe_load(PATH.read_text(encoding="utf-8"))["rule_files"] == ["rules/*.yml"]
