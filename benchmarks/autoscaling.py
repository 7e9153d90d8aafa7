"""Replicas that follow lag, as KEDA and the Horizontal Pod Autoscaler have them do. Pure.

Sources: kubernetes.io, "Horizontal Pod Autoscaling" (algorithm, tolerance, stabilisation windows, scaling policies);
keda.sh, "Apache Kafka" scaler (an external metric of type AverageValue: lag over ``lagThreshold``, capped at the
partitions with lag).
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

# kube-controller-manager's --horizontal-pod-autoscaler-sync-period and -tolerance.
SYNC_S: Final = 15
_TOLERANCE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What a ScaledObject says. Times in seconds."""

    lag_threshold: float
    min_replicas: int
    max_replicas: int
    up_window_s: int
    up_percent: float
    up_period_s: int
    down_window_s: int
    down_pods: int
    down_period_s: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self:
        """Of a manifest with one Kafka trigger and one policy a direction, as ours have."""
        spec = manifest["spec"]
        [trigger] = spec["triggers"]
        behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        [up], [down] = behavior["scaleUp"]["policies"], behavior["scaleDown"]["policies"]
        if (up["type"], down["type"]) != ("Percent", "Pods"):
            raise SystemExit("this simulates scaling up by percent and down by pods")
        return cls(
            lag_threshold=float(trigger["metadata"]["lagThreshold"]),
            min_replicas=spec["minReplicaCount"],
            max_replicas=spec["maxReplicaCount"],
            up_window_s=behavior["scaleUp"]["stabilizationWindowSeconds"],
            up_percent=up["value"],
            up_period_s=up["periodSeconds"],
            down_window_s=behavior["scaleDown"]["stabilizationWindowSeconds"],
            down_pods=down["value"],
            down_period_s=down["periodSeconds"],
        )


@dataclass(slots=True)
class Autoscaler:
    """Decides every ``SYNC_S``."""

    scaling: Scaling
    replicas: int = 0
    _wanted: deque[tuple[int, int]] = field(default_factory=deque)
    _changes: deque[tuple[int, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.replicas = self.scaling.min_replicas

    def look(self, at_s: int, lag: float) -> int:
        """The replicas from now on."""
        scaling = self.scaling
        self._wanted.append((at_s, self._recommended(lag)))
        longest = max(scaling.up_window_s, scaling.down_window_s)
        while self._wanted[0][0] < at_s - longest:
            self._wanted.popleft()
        # Up to the least, down to the most, that was recommended within the window.
        up_to = min(n for at, n in self._wanted if at >= at_s - scaling.up_window_s)
        down_to = max(n for at, n in self._wanted if at >= at_s - scaling.down_window_s)
        before = self.replicas
        if up_to > self.replicas:
            began = self.replicas - self._changed(at_s - scaling.up_period_s)
            self.replicas = min(up_to, math.ceil(began * (1 + scaling.up_percent / 100)))
        elif down_to < self.replicas:
            began = self.replicas - self._changed(at_s - scaling.down_period_s)
            self.replicas = max(down_to, began - scaling.down_pods)
        if self.replicas != before:
            self._changes.append((at_s, self.replicas - before))
        return self.replicas

    def _recommended(self, lag: float) -> int:
        ratio = lag / (self.scaling.lag_threshold * self.replicas)
        wanted = self.replicas if abs(ratio - 1) <= _TOLERANCE else math.ceil(lag / self.scaling.lag_threshold)
        return min(max(wanted, self.scaling.min_replicas), self.scaling.max_replicas)

    def _changed(self, since_s: int) -> int:
        while self._changes and self._changes[0][0] <= since_s:
            self._changes.popleft()
        return sum(n for _, n in self._changes)
