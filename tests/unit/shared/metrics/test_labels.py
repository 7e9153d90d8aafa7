"""No label can grow without bound: whatever the methods of the metrics are given, there is a fixed number of series."""

import inspect
import typing
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from shared.metrics.documents import declared, groups, made
from shared.metrics.labels import MEANINGS, OTHER, bounded

MOST_VALUES = 100  # of any label
N_STRANGERS = 300


def strangers(annotation: Any, number: int) -> Any:
    """The ``number``-th value of a type that nobody has foreseen; of a closed type or a partition, one of the few."""
    if annotation is str:
        return f"/home/anna/{number}.mp3?token=geheim"
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)[number % len(typing.get_args(annotation))]
    if typing.get_origin(annotation) is Counter:
        return Counter({f"word {number}": 1})
    if annotation in (int, float, bool):
        return annotation(number % 2)
    if type(None) in typing.get_args(annotation):
        return strangers(typing.get_args(annotation)[0], number)
    pytest.fail(f"this test has no value of type {annotation}: give it one, or a narrower type to the method")


def verbs(metrics: object) -> list[Callable[..., object]]:
    return [method for name, method in inspect.getmembers(metrics, inspect.ismethod) if not name.startswith("_")]


def n_series(registry: CollectorRegistry) -> int:
    return sum(len(metric.samples) for metric in registry.collect())


@pytest.mark.parametrize("group", groups())
def test_number_of_series_does_not_grow_whatever_is_counted(group: type) -> None:
    registry = CollectorRegistry()
    metrics = made(group, registry)

    def call_all(number: int) -> None:
        for verb in verbs(metrics):
            hints = typing.get_type_hints(verb)
            hints.pop("return", None)
            verb(**{name: strangers(annotation, number) for name, annotation in hints.items()})

    for number in range(MOST_VALUES):
        call_all(number)
    before = n_series(registry)
    for number in range(MOST_VALUES, N_STRANGERS):
        call_all(number)

    assert n_series(registry) == before


@pytest.mark.parametrize("group", groups())
def test_labels_are_only_set_by_the_group_itself(group: type) -> None:
    metrics = made(group, CollectorRegistry())

    shown = [value for name, value in vars(metrics).items() if not name.startswith("_")]
    assert [
        one for one in shown if isinstance(one, MetricWrapperBase) and len(one._labelnames) > len(one._labelvalues)
    ] == []


def test_every_label_has_a_meaning_and_every_meaning_a_label() -> None:
    used = {label for group in groups() for one in declared(group) for label in one.labels}

    assert used == MEANINGS.keys()


def test_value_outside_its_set_is_other() -> None:
    assert bounded("jazz", {"jazz"}) == "jazz"
    assert bounded("/home/anna/secret.mp3", {"jazz"}) == OTHER


def test_growing_label_would_be_found() -> None:
    """The first test here can fail: a group that lets anything in has ever more series."""
    from prometheus_client import Counter as Metric

    registry = CollectorRegistry()
    careless = Metric("needledrop_careless_total", "Careless.", ("track",), registry=registry)

    for number in range(3):
        careless.labels(strangers(str, number)).inc()

    assert n_series(registry) >= 3
