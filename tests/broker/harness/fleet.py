"""Fleets of processes, to kill, freeze and scale."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from shared.embedded.ports import free_port
from shared.embedded.processes import ChildProcess

_LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class Role:
    """A kind of process, of which a fleet runs any number."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    has_slots: bool = True
    """Whether each keeps its place in the group (NEEDLEDROP_KAFKA_SLOT) when it is replaced."""


class Fleet:
    """Processes by role and slot; a context manager that kills what is left of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._members: dict[tuple[str, int], ChildProcess] = {}
        self._ports: dict[str, int] = {}
        self._changing = threading.RLock()
        self.ends: Counter[tuple[str, int | None]] = Counter()
        """How often members ended by themselves, by role and exit code (negative: a signal)."""
        self.n_woken = 0
        self._stopped_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members.values():
            member.kill()

    def scale(self, role: Role, n: int) -> None:
        """Have the members of slots 0 to n-1 running, and no other of this role; those too many are asked to stop."""
        with self._changing:
            for slot in range(n):
                member = self._members.get((role.name, slot)) or self._hired(role, slot)
                if not member.is_alive:
                    member.start()
            names = [name for name in self._members if name[0] == role.name and name[1] >= n]
            leaving = [self._members.pop(name) for name in names]
        for member in leaving:
            member.stop()

    def _hired(self, role: Role, slot: int) -> ChildProcess:
        name = f"{role.name}-{slot}"
        port = self._ports.setdefault(name, free_port())
        environment = {**os.environ, "NEEDLEDROP_HTTP_PORT": str(port), "NEEDLEDROP_LOG_FORMAT": "text"}
        if role.has_slots:
            environment["NEEDLEDROP_KAFKA_SLOT"] = str(slot)
        member = ChildProcess(
            name, role.command, log_path=self._folder / f"{name}.log", env={**environment, **role.environment}
        )
        self._members[role.name, slot] = member
        return member

    @property
    def http_ports(self) -> Mapping[str, int]:
        """Where each member, by its name, serves /metrics, /livez and /readyz."""
        return self._ports

    def revive(self) -> None:
        """Start again whatever has ended, as a supervisor would."""
        with self._changing:
            for (role, _), member in self._members.items():
                if not member.is_alive:
                    self.ends[role, member.exit_code] += 1
                    member.start()

    @contextmanager
    def supervised(self) -> Iterator[None]:
        """Revive as soon as something ends, while the block runs."""
        done = threading.Event()

        def supervise() -> None:
            while not done.wait(_LOOK_EVERY_S):
                self.revive()

        thread = threading.Thread(target=supervise, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def pid(self, role: str, slot: int) -> int | None:
        """The process of this member, None while there is none."""
        return self._members[role, slot].pid

    def kill(self, role: str, slot: int) -> None:
        """SIGKILL to this member and what it has started."""
        with self._changing:
            self._members[role, slot].kill()

    def kill_one(self, chance: random.Random) -> str:
        """SIGKILL to a member of any role, sometimes with all that it has started; `revive` replaces it."""
        with self._changing:
            member = self._one(chance)
            alone = chance.random() < 0.5
            if alone:
                os.kill(member.pid or 0, signal.SIGKILL)
                while member.is_alive:
                    time.sleep(0.001)
            else:
                member.kill()
        return f"SIGKILL {member.name}{'' if alone else ' and its children'}"

    def freeze_one(self, chance: random.Random, *, for_s: float, roles: Collection[str] = ()) -> str:
        """SIGSTOP (to one of ``roles``), and SIGCONT after ``for_s``: a zombie when its session has ended meanwhile."""
        with self._changing:
            member = self._one(chance, roles)
            os.kill(member.pid or 0, signal.SIGSTOP)
        time.sleep(for_s)
        os.kill(member.pid or 0, signal.SIGCONT)
        return f"SIGSTOP {member.name}, SIGCONT after {for_s} s"

    def wake_up(self, *, after_s: float) -> None:
        """SIGCONT to members that have been stopped for so long (they stopped themselves), as far as we saw."""
        for member in list(self._members.values()):
            pid = member.pid
            if pid is None or not _is_stopped(pid):
                self._stopped_at.pop(member.name, None)
            elif time.monotonic() - self._stopped_at.setdefault(member.name, time.monotonic()) >= after_s:
                os.kill(pid, signal.SIGCONT)
                self.n_woken += 1

    def stop_all(self, *, within_s: float = 20.0) -> dict[str, int | None]:
        """SIGTERM to all at once; their exit codes, negative for those that needed a SIGKILL ``within_s`` later.

        Workers promise 10 s and end themselves then; a machine that is busy may be late in seeing it.
        """
        for member in self._members.values():
            member.ask_to_stop()
        deadline = time.monotonic() + within_s
        for member in self._members.values():
            member.stop(within_s=max(0.0, deadline - time.monotonic()))
        return {member.name: member.exit_code for member in self._members.values()}

    def words(self) -> str:
        """The last words of each, for a message that says why a test failed."""
        return "\n".join(f"{member.name}: {member.output()[-1500:]}" for member in self._members.values())

    def _one(self, chance: random.Random, roles: Collection[str] = ()) -> ChildProcess:
        members = [
            member for (role, _), member in self._members.items() if member.is_alive and (not roles or role in roles)
        ]
        return chance.choice(members)


def _is_stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False
