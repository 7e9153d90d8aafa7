"""Requests that schemathesis makes from our OpenAPI document, sensible ones and others: answers are as documented.

NEEDLEDROP_TEST_LONG=1 is the long form: 2,000 cases (`make chaos`).
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from tests.catalog_events import failed, labeled
from tests.embedded.catalog.conftest import Served

LONG = bool(os.environ.get("NEEDLEDROP_TEST_LONG"))
N_CASES = 2000 if LONG else 150
NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


@pytest.mark.timeout(1200 if LONG else 240)
def test_every_answer_is_as_the_document_says(served: Callable[..., Served]) -> None:
    catalog = served(labeled("a", 1), labeled("b", 2, submission_artist="B"), failed("c", 3))
    schema: Any = schemathesis.openapi.from_url(f"{catalog.address}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 10
    load_all_checks()
    checks: Any = [check for name, check in zip(CHECKS.get_all_names(), CHECKS.get_all(), strict=True) if name in NAMES]
    assert len(checks) == len(NAMES)
    # Those without parameters have one case.
    n_each = -(-N_CASES // (2 * sum(any(operation.iter_parameters()) for operation in operations)))
    n_cases = 0
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=n_each,
                deadline=None,
                database=None,
                derandomize=not LONG,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                nonlocal n_cases
                n_cases += 1
                case.validate_response(case.call(timeout=30), checks=checks)

            try:
                check()
            except Unsatisfiable:  # a request without parameters cannot be wrong
                assert not list(operation.iter_parameters()), operation.label
    assert n_cases >= N_CASES
    assert catalog.ids("/api/tracks") == ["b", "a"]
