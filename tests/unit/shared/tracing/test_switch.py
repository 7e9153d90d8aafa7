import subprocess
import sys
import time

import pytest

from schemas.errors import InvalidSettingError
from shared.tracing.switch import Tracing, is_wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, False),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_usual_variables_switch_tracing(environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: 'zipkin' is not known here"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf"),
    ],
)
def test_what_is_not_spoken_here_is_refused_by_name(more: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidSettingError, match=says):
        is_wanted(ENDPOINT | more)


def test_nothing_is_wrapped_while_tracing_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    tracing = Tracing()
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)

    def handle(_record: object) -> tuple[()]:
        return ()

    tracing.start("extractor")

    assert not tracing.is_on
    assert tracing.handling("extract", handle) is handle
    assert tracing.handling_batches("project", handle) is handle
    assert tracing.submitting([]) is None


def test_workers_do_not_load_opentelemetry_while_tracing_is_off() -> None:
    program = (
        "import sys, workers.extractor.main, workers.classifier.main, workers.projector.main, workers.cli.main;"
        "from shared.tracing import tracing; tracing.start('extractor');"
        # redis-py loads the half for metrics where it is installed, which is why it is an extra.
        "ours = ('opentelemetry.exporter', 'opentelemetry.sdk.trace');"
        "print([name for name in sys.modules if name.startswith(ours)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={}, capture_output=True, text=True, timeout=120, check=True
    )

    assert done.stdout.strip() == "[]"


def test_worker_says_what_to_install_when_traces_are_asked_of_an_installation_without_them() -> None:
    program = (
        "import sys; sys.modules['opentelemetry.sdk.trace'] = None;"
        "from workers.cli.main import main; sys.argv = ['needledrop', 'worker', 'projector']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENDPOINT, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 2
    assert "has no opentelemetry.sdk.trace: install requirements-tracing.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_command_ends_soon_when_the_collector_is_away() -> None:
    program = (
        "import time; from shared.tracing import tracing; tracing.start('submit');"
        "[tracing.submitting([]).end(None) for _ in range(600)]; print(time.time(), flush=True)"
    )
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=away, capture_output=True, text=True, timeout=120, check=True
    )

    # OpenTelemetry itself would try each batch for some eight seconds.
    assert time.time() - float(done.stdout) < 7.0
