"""A durable one-node Apache Kafka (KRaft: broker and controller in one) from an unpacked download."""

import base64
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from schemas.errors import InvalidSettingError
from schemas.topics import OFFSETS_KEPT_MS
from shared.embedded.ports import LOCALHOST, free_port, is_free
from shared.embedded.processes import ChildProcess, ServiceStartError

OLDEST_JAVA = 17  # Kafka 4's broker needs it
OLDEST_KAFKA = 4  # the log settings below are log4j 2's, which came with 4.0

_READY_LINE = "Kafka Server started"
_FORMAT_WITHIN_S = 60.0
_START_WITHIN_S = 60.0  # 3 s here; a slow disk with many partitions after a crash takes long
_STOP_WITHIN_S = 30.0
_LOG_SETTINGS = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""


class KafkaHome:
    """A broker on 127.0.0.1 with its data in a folder; a context manager. Its ports stay the same from start to start.

    Args:
        home: an unpacked Apache Kafka 4, or any folder whose ``libs`` holds its jars.
        folder: settings, log and data; formatted at the first start.
        port: of the broker; None takes a free one.
        more_listeners: what to listen on besides, e.g. ``("SASL_SSL://127.0.0.1:9094",)``; its properties say how.
        properties: broker settings that replace or add to ours.
        format_arguments: for the storage tool at the first start, e.g.
            ``("--add-scram", "SCRAM-SHA-256=[name=a,password=b]")``.
    Raises: InvalidSettingError, where ``home`` or the machine's Java will not do; the message says what to do.
    """

    def __init__(
        self,
        home: Path,
        folder: Path,
        *,
        port: int | None = None,
        more_listeners: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        format_arguments: Sequence[str] = (),
    ) -> None:
        _require_kafka(home)
        self._java = usable_java()
        self._class_path = str(home.resolve() / "libs" / "*")
        self.folder = folder.resolve()
        self._format_arguments = tuple(format_arguments)
        self._ports = (free_port() if port is None else port, free_port())
        self._properties = {**_properties(self.folder / "data", *self._ports, more_listeners), **(properties or {})}
        self.bootstrap_servers = f"{LOCALHOST}:{self._ports[0]}"
        # Small, and quick to start: the second compiler takes as much processor time in the first minutes as all else.
        log_settings = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", log_settings]
        command = [self._java, *options, "-cp", self._class_path, "kafka.Kafka", str(self._settings)]
        self._child = ChildProcess("Kafka", command, log_path=self.folder / "kafka.log", owned_folder=self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Format the folder if it is new, start the broker, and return when it serves clients.

        Raises: ServiceStartError, where a port is taken, the folder cannot be formatted or the broker does not come up.
        """
        for port in self._ports:
            if not is_free(port):
                raise ServiceStartError(
                    f"Kafka: port {port} of {LOCALHOST} is in use; choose another or stop its owner"
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "log4j2.properties").write_text(_LOG_SETTINGS)
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in self._properties.items()))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        self._child.start()
        self._child.wait_until(lambda: _READY_LINE in self._child.output(), within_s=_START_WITHIN_S)

    def stop(self) -> None:
        """SIGTERM: it hands over cleanly and ends, in about a second."""
        self._child.stop(within_s=_STOP_WITHIN_S)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._child.kill()

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._child.is_alive

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _format(self) -> None:
        # "n": an id that begins with "-" would be taken for an option.
        cluster_id = "n" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        command = [self._java, "-cp", self._class_path, "kafka.tools.StorageTool", "format", "-t", cluster_id]
        command += ["-c", str(self._settings), *self._format_arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_WITHIN_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise ServiceStartError(f"Kafka: formatting {self.folder} took over {_FORMAT_WITHIN_S:.0f} s") from error
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()[-2000:]
            raise ServiceStartError(f"Kafka: cannot format {self.folder}. It said:\n  {said}")


def usable_java() -> str:
    """The ``java`` of JAVA_HOME, else of the PATH.

    Raises: InvalidSettingError, where there is none, or only one that is too old for Kafka.
    """
    java_home = os.environ.get("JAVA_HOME")
    java = str(Path(java_home) / "bin" / "java") if java_home else shutil.which("java")
    advice = f"install Java {OLDEST_JAVA} or newer, or leave --kafka-home out and use the embedded broker"
    if java is None:
        raise InvalidSettingError(f"Apache Kafka needs Java, and there is no `java` on the PATH: {advice}")
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:  # macOS has a `java` that only says that there is no Java
        raise InvalidSettingError(f"Apache Kafka needs Java, and {java} does not run ({error}): {advice}") from error
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is not None and int(version[1]) < OLDEST_JAVA:
        raise InvalidSettingError(
            f"Apache Kafka needs Java {OLDEST_JAVA}, and {java} is version {version[1]}: {advice}"
        )
    return java


def _require_kafka(home: Path) -> None:
    jars = sorted((home / "libs").glob("kafka-server-[0-9]*.jar"))
    if not jars:
        raise InvalidSettingError(
            f"--kafka-home (KAFKA_HOME) is {home}, and there is no Apache Kafka in its `libs` folder: "
            f"unpack a download of Kafka {OLDEST_KAFKA} or newer and name that folder"
        )
    version = jars[-1].stem.removeprefix("kafka-server-")
    if int(version.split(".")[0]) < OLDEST_KAFKA:
        raise InvalidSettingError(f"{home} is Apache Kafka {version}; needledrop starts {OLDEST_KAFKA}.0 or newer")


def _properties(data: Path, port: int, controller_port: int, more_listeners: Sequence[str]) -> dict[str, str]:
    """One node that is everything, on this machine only, its internal topics sized for one node."""
    for_clients = ",".join([f"PLAINTEXT://{LOCALHOST}:{port}", *more_listeners])
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOCALHOST}:{controller_port}",
        "listeners": f"{for_clients},CONTROLLER://{LOCALHOST}:{controller_port}",
        "advertised.listeners": for_clients,
        "listener.security.protocol.map": ",".join(
            ["CONTROLLER:PLAINTEXT", *(f"{name}:{name}" for name in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"))]
        ),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A killed broker is served again only once its old session is over: 8 s after a kill, where the default of 9 s
        # takes 13. Shorter, and a machine that stalls under load would lose its broker for a moment.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        "metadata.max.idle.interval.ms": "5000",  # followers of the metadata want it more often; there are none
        "offsets.retention.minutes": str(OFFSETS_KEPT_MS // 60_000),
        "group.initial.rebalance.delay.ms": "0",  # one machine: nobody else is about to join
        "group.min.session.timeout.ms": "1000",  # the default of 6 s makes tests of killed workers slow
    }
