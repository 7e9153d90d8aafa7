"""Fusion parameters of a manifest are taken as given or refused by name."""

import pytest

from schemas.errors import InvalidSettingError
from workers.classifier.parameters import FusionParameters


def test_parameters_keep_defaults_for_what_the_manifest_leaves_out() -> None:
    parameters = FusionParameters.from_mapping({"temperature": 2.0})

    assert parameters.temperature == 2.0
    assert parameters.model_copy(update={"temperature": FusionParameters().temperature}) == FusionParameters()


@pytest.mark.parametrize(
    "wrong",
    [{"temprature": 1.0}, {"temperature": 0.0}, {"prior_damping": 1.5}, {"priors": {"m": {"rock": 0.0}}}],
)
def test_parameter_that_is_misspelt_or_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidSettingError, match=f"fusion.{next(iter(wrong))}"):
        FusionParameters.from_mapping(wrong)
