import os
from typing import Annotated

import pytest
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from schemas.errors import InvalidSettingError
from shared.settings.documents import GROUPS
from shared.settings.loading import loaded, settings_config


class TurntableSettings(BaseSettings):
    """A turntable."""

    model_config = settings_config("NEEDLEDROP_TURNTABLE_")

    speed_rpm: Annotated[float, Field(gt=0, le=78)] = 33.3
    password: SecretStr = SecretStr("")
    records: tuple[str, ...] = ()
    is_on: bool = False

    @model_validator(mode="after")
    def _is_not_on_without_records(self) -> "TurntableSettings":
        if self.is_on and not self.records:
            raise ValueError("nothing to play")
        return self


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("NEEDLEDROP_")]:
        monkeypatch.delenv(name)


def test_settings_are_the_environments_and_the_defaults_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_SPEED_RPM", "45")
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_UNKNOWN", "Kubernetes puts its services' addresses here")
    monkeypatch.setenv("SPEED_RPM", "78")

    settings = loaded(TurntableSettings)

    assert settings.speed_rpm == 45.0
    assert settings.records == ()


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_an_empty_environment_is_enough(group: type[BaseSettings]) -> None:
    assert isinstance(loaded(group), group)


def test_settings_do_not_change_once_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded(TurntableSettings).speed_rpm = 45.0


@pytest.mark.parametrize("value", ["fast", "", "0", "79", "nan"])
def test_a_wrong_value_names_its_variable_and_what_is_wrong(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_SPEED_RPM", value)

    with pytest.raises(InvalidSettingError, match=r"^NEEDLEDROP_TURNTABLE_SPEED_RPM: Input should be \S+"):
        loaded(TurntableSettings)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_SPEED_RPM", "fast")
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_IS_ON", "perhaps")

    with pytest.raises(InvalidSettingError, match=r"_SPEED_RPM: .*; NEEDLEDROP_TURNTABLE_IS_ON: "):
        loaded(TurntableSettings)


def test_values_that_contradict_each_other_name_their_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_IS_ON", "true")

    with pytest.raises(InvalidSettingError, match=r"^NEEDLEDROP_TURNTABLE_\*: nothing to play$"):
        loaded(TurntableSettings)


def test_a_list_that_is_no_json_names_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_RECORDS", "[secret")

    with pytest.raises(InvalidSettingError, match=r'^NEEDLEDROP_TURNTABLE_\*: .*"records"') as refusal:
        loaded(TurntableSettings)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["SPEED_RPM", "IS_ON"])
def test_an_error_shows_no_value_for_it_may_be_a_password_in_the_wrong_place(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"NEEDLEDROP_TURNTABLE_{name}", "correct horse")

    with pytest.raises(InvalidSettingError) as refusal:
        loaded(TurntableSettings)
    assert "correct horse" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_secret_is_not_shown_where_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_TURNTABLE_PASSWORD", "correct horse")

    settings = loaded(TurntableSettings)

    assert settings.password.get_secret_value() == "correct horse"
    assert "correct horse" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_what_sounds_like_a_secret_is_one(group: type[BaseSettings]) -> None:
    for name, field in group.model_fields.items():
        if any(word in name for word in ("password", "secret", "token")):
            assert field.annotation is SecretStr, name
