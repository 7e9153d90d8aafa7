import re

from prometheus_client import CollectorRegistry

from shared.metrics.documents import PAGE, declared, groups, made, metrics_page

UNITS = ("seconds", "bytes", "info", "total")


def test_metrics_page_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == metrics_page(), "run `make schemas`"


def test_every_metric_is_named_after_its_group() -> None:
    for group in groups():
        for one in declared(group):
            assert re.fullmatch(r"needledrop_[a-z]+(_[a-z]+)*", one.name), one.name
            assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", one.name), one.name


def test_histograms_are_in_base_units_and_gauges_are_no_totals() -> None:
    for group in groups():
        for one in declared(group):
            if one.kind == "histogram":
                assert one.name.endswith(("_seconds", "_bytes")), one.name
            if one.kind == "gauge":
                assert not one.name.endswith("_total"), one.name


def test_every_metric_says_what_it_is() -> None:
    assert [one.name for group in groups() for one in declared(group) if not one.what.endswith((".", ")"))] == []


def test_no_two_groups_of_a_process_declare_the_same_metric() -> None:
    registry = CollectorRegistry()

    for group in groups():
        made(group, registry)  # raises when a name is there already
