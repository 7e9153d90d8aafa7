"""What is wrong with rendered manifests: by the schemas of their kinds, and by what our code is called and serves."""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.request import urlopen

import kubernetes_validate
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
from cloudcoil.models.prometheus_operator.v1 import PodMonitor, PrometheusRule
from pydantic import ValidationError

from schemas.errors import InvalidSettingError
from schemas.topics import DEFAULT_PARTITIONS, TOPICS
from shared.health.server import serving_health
from shared.kafka import names
from shared.metrics.documents import declared, groups
from shared.metrics.exposition import Registry
from shared.settings.catalog import CatalogSettings
from shared.settings.documents import GROUPS, variables
from shared.settings.loading import loaded
from shared.settings.trends import TrendsSettings
from shared.settings.workers import HttpSettings
from tests.contract.commands import faults_of_command
from tests.contract.expressions import OF_PROMETHEUS, names_in

Manifest = dict[str, Any]

# The oldest version that gets fixes, and the newest that the schemas have.
WORKLOADS = ("Deployment", "StatefulSet")
OLDEST, NEWEST = "1.34", "1.37"
CUSTOM: dict[str, Any] = {
    "ScaledObject": ScaledObject,
    "TriggerAuthentication": TriggerAuthentication,
    "PodMonitor": PodMonitor,
    "PrometheusRule": PrometheusRule,
}
# A trigger's metadata is a free map in every schema. Source: https://keda.sh/docs/2.21/scalers/apache-kafka/
KAFKA_TRIGGER = {
    *("bootstrapServers", "consumerGroup", "topic", "lagThreshold", "activationLagThreshold", "offsetResetPolicy"),
    *("allowIdleConsumers", "scaleToZeroOnInvalidOffset", "excludePersistentLag", "limitToPartitionsWithLag"),
    *("ensureEvenDistributionOfPartitions", "version", "partitionLimitation", "sasl", "tls", "unsafeSsl"),
}
KAFKA_TRIGGER_SECRETS = {"sasl", "username", "password", "tls", "ca", "cert", "key", "keyPassword", "realm"}
SETTINGS = {name: group for group in GROUPS for name in variables(group)}
GROUP_NAMES = {value for name, value in vars(names).items() if name.isupper()}
TOPIC_NAMES = {topic.name for topic in TOPICS}
METRICS = OF_PROMETHEUS | {name for group in groups() for one in declared(group) for name in one.series}


def faults(manifests: list[Manifest], kubernetes: str = NEWEST) -> list[str]:
    """What is wrong for that version of Kubernetes, none when nothing is."""
    found = []
    for manifest in manifests:
        where = f"{manifest['kind']}/{manifest['metadata']['name']}"
        found += [f"{where}: {fault}" for fault in _of_schema(manifest, kubernetes)]
        for check in (_of_pod, _of_scaling, _of_monitor, _of_rules):
            found += [f"{where}: {fault}" for fault in check(manifest, manifests)]
    named = set(re.findall(r"NEEDLEDROP_\w+", json.dumps(manifests)))
    return found + [f"no such setting: {name}" for name in sorted(named - SETTINGS.keys())]


def _of_schema(manifest: Manifest, kubernetes: str) -> Iterator[str]:
    model = CUSTOM.get(manifest["kind"])
    if model is None:
        try:
            kubernetes_validate.validate(manifest, kubernetes, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            yield str(error)
        return
    try:
        kept = model.model_validate(manifest).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except ValidationError as error:
        yield str(error)
        return
    yield from (f"no such field: {path}" for path in _lost(manifest, kept))


def _lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """What a model has dropped, since it knows no such field."""
    if isinstance(given, dict):
        for name, value in given.items():
            if not isinstance(kept, dict) or name not in kept:
                yield f"{path}.{name}"
            else:
                yield from _lost(value, kept[name], f"{path}.{name}")
    elif isinstance(given, list):
        for index, value in enumerate(given):
            yield from _lost(value, kept[index], f"{path}[{index}]")


def _of_pod(manifest: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    if manifest["kind"] not in (*WORKLOADS, "Job"):
        return
    pod = manifest["spec"]["template"]["spec"]
    if pod.get("automountServiceAccountToken") is not False:
        yield "gets a token of the cluster"
    if not pod["securityContext"].get("runAsNonRoot") or "seccompProfile" not in pod["securityContext"]:
        yield "may be root, or has no seccomp profile"
    if manifest["kind"] in WORKLOADS:
        yield from _of_workload(manifest, manifests)
    for container in pod["containers"]:
        yield from _of_container(container, manifests)


def _of_workload(manifest: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    if not manifest["spec"]["selector"]["matchLabels"].items() <= labels.items():
        yield "does not select its own pods"
    spread = manifest["spec"]["template"]["spec"].get("topologySpreadConstraints", [])
    budgets = [one["spec"]["selector"] for one in manifests if one["kind"] == "PodDisruptionBudget"]
    for what, selectors in (("spread", [one["labelSelector"] for one in spread]), ("disruption budget", budgets)):
        if not any(one["matchLabels"].items() <= labels.items() for one in selectors):
            yield f"has no {what}"
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe not in container:
            yield f"has no {probe}"


def _of_container(container: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("capabilities") != {"drop": ["ALL"]}:
        yield "may gain privileges"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root"
    if "memory" not in container.get("resources", {}).get("limits", {}):
        yield "has no memory limit"
    yield from faults_of_command(container["args"])
    yield from _of_settings(container, manifests)
    yield from _of_ports(container)


def _of_settings(container: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    environment = {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}
    maps = {one["metadata"]["name"]: one["data"] for one in manifests if one["kind"] == "ConfigMap"}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            name = source["configMapRef"]["name"]
            if name not in maps:
                yield f"no such ConfigMap: {name}"
            environment |= maps.get(name, {})
    with patch.dict(os.environ, environment):
        for group in {SETTINGS[name] for name in environment if name in SETTINGS}:
            try:
                loaded(group)
            except InvalidSettingError as error:
                yield str(error)


def _of_ports(container: Manifest) -> Iterator[str]:
    ports = {one["name"]: one["containerPort"] for one in container.get("ports", [])}
    web = {"trends": TrendsSettings().web_port, "catalog": CatalogSettings().web_port}.get(container["name"])
    for name, port in ports.items():
        if {"metrics": HttpSettings().port, "web": web}.get(name) != port:
            yield f"serves nothing at port {name} {port}"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in container:
            asked = container[probe]["httpGet"]
            if asked["port"] != "metrics":
                yield f"{probe} asks port {asked['port']}"
            elif not _is_served(asked["path"]):
                yield f"{probe} asks for {asked['path']}, which is not served"


@cache
def _is_served(path: str) -> bool:
    settings = HttpSettings(port=0)
    with serving_health(settings, Registry(), live=lambda: None, ready=lambda: None) as address:
        try:
            with urlopen(address + path, timeout=20) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _of_scaling(manifest: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    if manifest["kind"] == "TriggerAuthentication":
        for one in manifest["spec"]["secretTargetRef"]:
            if one["parameter"] not in KAFKA_TRIGGER_SECRETS:
                yield f"the scaler has no parameter {one['parameter']}"
    if manifest["kind"] == "ScaledObject":
        yield from _of_scaled_object(manifest["spec"], manifests)
        for trigger in manifest["spec"]["triggers"]:
            yield from _of_trigger(trigger["metadata"])


def _of_scaled_object(spec: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    deployments = {one["metadata"]["name"]: one for one in manifests if one["kind"] == "Deployment"}
    target = deployments.get(spec["scaleTargetRef"]["name"])
    if target is None:
        yield f"no such Deployment: {spec['scaleTargetRef']['name']}"
    elif "replicas" in target["spec"]:
        yield "its Deployment has a number of replicas, which every deployment would set again"
    if spec["maxReplicaCount"] > _n_partitions(manifests):
        yield "more replicas than partitions"


def _of_trigger(metadata: Manifest) -> Iterator[str]:
    for name in metadata.keys() - KAFKA_TRIGGER:
        yield f"the scaler has no {name}"
    if metadata.get("topic") not in TOPIC_NAMES:
        yield f"no such topic: {metadata.get('topic')}"
    if metadata.get("consumerGroup") not in GROUP_NAMES:
        yield f"no such group: {metadata.get('consumerGroup')}"


def _n_partitions(manifests: list[Manifest]) -> int:
    [job] = [one for one in manifests if one["kind"] == "Job"]
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    return int(arguments[arguments.index("--partitions") + 1]) if "--partitions" in arguments else DEFAULT_PARTITIONS


def _of_rules(manifest: Manifest, _manifests: list[Manifest]) -> Iterator[str]:
    if manifest["kind"] != "PrometheusRule":
        return
    rules = [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]
    known = METRICS | {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        yield from (f"no such metric: {name}" for name in sorted(names_in(rule["expr"]) - known))


def _of_monitor(manifest: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    if manifest["kind"] != "PodMonitor":
        return
    wanted = manifest["spec"]["selector"]["matchLabels"]
    pods = [one["spec"]["template"] for one in manifests if one["kind"] in WORKLOADS]
    if not all(wanted.items() <= pod["metadata"]["labels"].items() for pod in pods):
        yield "does not select every worker"
    for endpoint in manifest["spec"]["podMetricsEndpoints"]:
        for pod in pods:
            if endpoint["port"] not in [port["name"] for port in pod["spec"]["containers"][0]["ports"]]:
                yield f"no port {endpoint['port']}"
        if not _is_served(endpoint["path"]):
            yield f"{endpoint['path']} is not served"
        made = {one["targetLabel"]: one for one in endpoint["relabelings"]}
        if made.get("job", {}).get("replacement") != "needledrop" or "worker" not in made:
            yield "does not make the labels job and worker, which rules read"
