import os
from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from shared.settings.loading import loaded
from shared.settings.media import MediaSettings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("NEEDLEDROP_MEDIA_")]:
        monkeypatch.delenv(name)


def test_media_settings_open_no_folder_and_no_private_address_by_default() -> None:
    settings = loaded(MediaSettings)

    assert settings.roots == ()
    assert not settings.allow_private_addresses
    assert settings.max_bytes == 256 * 2**20


@pytest.mark.parametrize("as_json", [False, True])
def test_roots_are_read_as_a_path_list_or_as_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, as_json: bool
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "link").symlink_to("two")
    listed = [str(tmp_path / "one"), str(tmp_path / "link")]
    monkeypatch.setenv(
        "NEEDLEDROP_MEDIA_ROOTS", f'["{listed[0]}", "{listed[1]}"]' if as_json else os.pathsep.join(listed)
    )

    assert loaded(MediaSettings).roots == ((tmp_path / "one").resolve(), (tmp_path / "two").resolve())


def test_hosts_are_compared_in_lower_case_without_the_final_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDLEDROP_MEDIA_HOSTS", "Media.Example.org., *.example.net")

    assert loaded(MediaSettings).hosts == {"media.example.org", "*.example.net"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROOTS", "/there/is/no/such/folder"),
        ("ROOTS", '["unfinished'),
        ("SCHEMES", "file,gopher"),
        ("SCHEMES", ""),
        ("MAX_BYTES", "0"),
        ("MAX_DURATION_S", "1e9"),
        ("MIN_SAMPLE_RATE_HZ", "3999"),
        ("MAX_SAMPLE_RATE_HZ", "3000"),
        ("TOTAL_TIMEOUT_S", "soon"),
        ("DECODE_MEMORY_BYTES", "1"),
        ("S3_ENDPOINT_URL", "minio:9000"),
    ],
)
def test_a_wrong_setting_is_named_as_in_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"NEEDLEDROP_MEDIA_{name}", value)

    with pytest.raises(InvalidSettingError, match=f"^NEEDLEDROP_MEDIA_{name}: "):
        loaded(MediaSettings)
