from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from shared.embedded.kafka_home import KafkaHome, usable_java


def a_java(folder: Path, script: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return java


def a_kafka(folder: Path, version: str) -> Path:
    (folder / "libs").mkdir()
    (folder / "libs" / f"kafka-server-{version}.jar").touch()
    (folder / "libs" / f"kafka-server-common-{version}.jar").touch()
    return folder


def test_usable_java_is_that_of_java_home_when_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = a_java(tmp_path, """echo 'openjdk version "21.0.2" 2024-01-16' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert usable_java() == str(java)


@pytest.mark.parametrize(("said", "version"), [("11.0.22", 11), ("1.8.0_402", 8)])
def test_usable_java_refuses_one_that_is_too_old(
    said: str, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_java(tmp_path, f"""echo 'openjdk version "{said}"' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(InvalidSettingError, match=rf"needs Java 17, and .* is version {version}: install Java 17"):
        usable_java()


def test_usable_java_says_what_to_install_when_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(InvalidSettingError, match="no `java` on the PATH: install Java 17"):
        usable_java()


def test_usable_java_says_what_to_install_when_java_is_a_stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_java(tmp_path, "exit 1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(InvalidSettingError, match=r"does not run(.|\n)*install Java 17"):
        usable_java()


def test_kafka_home_says_what_to_unpack_when_the_folder_holds_no_kafka(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"KAFKA_HOME.*no Apache Kafka in its `libs` folder"):
        KafkaHome(tmp_path, tmp_path / "state")


def test_kafka_home_refuses_a_kafka_that_is_too_old(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"is Apache Kafka 3\.9\.1; needledrop starts 4\.0 or newer"):
        KafkaHome(a_kafka(tmp_path, "3.9.1"), tmp_path / "state")
