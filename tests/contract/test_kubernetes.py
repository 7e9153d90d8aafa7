"""The manifests for Kubernetes, rendered, against real schemas and against the code: a misspelling is a fault."""

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.kubernetes_manifests import NEWEST, OLDEST, WORKLOADS, Manifest, faults
from workers.cli.running import Worker

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())


def rendered(overlay: str) -> list[Manifest]:
    return list(yaml.safe_load_all(_rendered_text(overlay)))


@cache
def _rendered_text(overlay: str) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: no kustomize to render the overlays")
    command = [kubectl, "kustomize", str(FOLDER / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def production() -> list[Manifest]:
    return rendered("production")


def one(manifests: list[Manifest], kind: str, name: str) -> Any:
    [found] = [found for found in manifests if (found["kind"], found["metadata"]["name"]) == (kind, name)]
    return found


def pod(manifests: list[Manifest], name: str) -> Any:
    kind = "Job" if name == "topics" else "Deployment"
    return one(manifests, kind, name)["spec"]["template"]["spec"]


def container(manifests: list[Manifest], name: str) -> Any:
    return pod(manifests, name)["containers"][0]


def settings(manifests: list[Manifest]) -> Any:
    [found] = [found for found in manifests if found["kind"] == "ConfigMap"]
    return found["data"]


def trigger(manifests: list[Manifest]) -> Any:
    return one(manifests, "ScaledObject", "classifier")["spec"]["triggers"][0]["metadata"]


@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_has_no_faults(overlay: str, kubernetes: str) -> None:
    assert faults(rendered(overlay), kubernetes) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_worker_is_deployed(overlay: str) -> None:
    deployed = {
        found["metadata"]["name"]: found["spec"]["template"]["spec"]["containers"][0]["args"]
        for found in rendered(overlay)
        if found["kind"] in WORKLOADS
    }

    assert deployed == {worker.value: ["worker", worker.value] for worker in Worker}


def test_secrets_are_named_and_never_written_down(production: list[Manifest]) -> None:
    assert [found for found in production if found["kind"] == "Secret"] == []
    assert [name for name in settings(production) if "PASSWORD" in name or "SECRET" in name] == []


def test_rules_of_the_operator_are_those_of_prometheus(production: list[Manifest]) -> None:
    groups = [
        group
        for path in sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    ]

    assert one(production, "PrometheusRule", "needledrop")["spec"]["groups"] == groups


def test_generated_rules_are_current() -> None:
    path = FOLDER / "monitoring" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    assert (path.parent / "prometheus-rule.yaml").read_text(encoding="utf-8") == module.prometheus_rule()


def _renamed(mapping: Any, old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda m: _renamed(settings(m), "NEEDLEDROP_REDIS_URL", "NEEDLEDROP_REDIS_ULR"),
            "no such setting: NEEDLEDROP_REDIS_ULR",
        ),
        (lambda m: settings(m).update(NEEDLEDROP_KAFKA_SECURITY_PROTOCOL="SASL_TLS"), "SECURITY_PROTOCOL"),
        (lambda m: container(m, "extractor")["env"][0].update(name="NEEDLEDROP_EXTRACTOR_PROCESSES"), "no such set"),
        (lambda m: container(m, "extractor")["env"][0].update(value="two"), "N_PROCESSES"),
        (lambda m: container(m, "classifier").update(args=["worker", "clasifier"]), "clasifier"),
        (lambda m: container(m, "topics").update(args=["topics", "create", "--partition", "12"]), "--partition"),
        (lambda m: container(m, "trends")["ports"][0].update(containerPort=9401), "9401"),
        (lambda m: container(m, "trends")["livenessProbe"]["httpGet"].update(path="/healthz"), "/healthz"),
        (lambda m: container(m, "trends")["readinessProbe"]["httpGet"].update(port="web"), "asks port web"),
        (lambda m: container(m, "trends").pop("startupProbe"), "no startupProbe"),
        (lambda m: _renamed(container(m, "trends"), "livenessProbe", "livenesProbe"), "livenesProbe"),
        (lambda m: container(m, "projector")["securityContext"].pop("readOnlyRootFilesystem"), "write to its root"),
        (lambda m: container(m, "projector")["resources"].pop("limits"), "no memory limit"),
        (lambda m: container(m, "projector")["envFrom"][0]["configMapRef"].update(name="needle"), "no such ConfigMap"),
        (lambda m: pod(m, "projector").pop("automountServiceAccountToken"), "token"),
        (lambda m: pod(m, "projector")["securityContext"].pop("runAsNonRoot"), "root"),
        (lambda m: pod(m, "projector").pop("topologySpreadConstraints"), "no spread"),
        (lambda m: m.remove(one(m, "PodDisruptionBudget", "trends")), "no disruption budget"),
        (lambda m: _renamed(trigger(m), "lagThreshold", "lagTreshold"), "no lagTreshold"),
        (lambda m: trigger(m).update(topic="tracks.feature.v1"), "no such topic"),
        (lambda m: trigger(m).update(consumerGroup="classifier"), "no such group"),
        (lambda m: trigger(m).update(lagThreshold=100), "lagThreshold"),
        (
            lambda m: _renamed(one(m, "ScaledObject", "extractor")["spec"], "minReplicaCount", "minReplicas"),
            "no such field: .spec.minReplicas",
        ),
        (lambda m: one(m, "ScaledObject", "extractor")["spec"].update(maxReplicaCount=13), "more replicas than"),
        (
            lambda m: one(m, "ScaledObject", "extractor")["spec"]["scaleTargetRef"].update(name="extracter"),
            "no such Deployment",
        ),
        (lambda m: one(m, "Deployment", "extractor")["spec"].update(replicas=1), "number of replicas"),
        (
            lambda m: one(m, "PodMonitor", "needledrop")["spec"]["podMetricsEndpoints"][0].update(port="http"),
            "no port http",
        ),
        (
            lambda m: one(m, "PodMonitor", "needledrop")["spec"]["podMetricsEndpoints"][0].update(path="/metric"),
            "/metric is not served",
        ),
        (
            lambda m: one(m, "TriggerAuthentication", "needledrop-kafka")["spec"]["secretTargetRef"][0].update(
                parameter="user"
            ),
            "no parameter user",
        ),
        (
            lambda m: one(m, "PrometheusRule", "needledrop")["spec"]["groups"][0]["rules"][0].update(
                expr="rate(needledrop_stream_record_taken_total[5m])"
            ),
            "no such metric: needledrop_stream_record_taken_total",
        ),
        (lambda m: one(m, "NetworkPolicy", "needledrop")["spec"].update(policyType=["Ingress"]), "policyType"),
    ],
)
def test_check_finds_a_fault_when_something_is_misspelt(
    production: list[Manifest], change: Callable[[list[Manifest]], object], says: str
) -> None:
    change(production)

    found = faults(production)

    assert any(says in fault for fault in found), found
