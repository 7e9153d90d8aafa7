"""`top`: how the pipeline stands, live, from its workers' /metrics."""

import dataclasses
import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.live import Live

from schemas.errors import InvalidSettingError
from shared.settings.loading import loaded
from shared.settings.stack import StackSettings
from workers.cli.console import json_line, out, piped
from workers.cli.stack import running_stack

if TYPE_CHECKING:  # the parser costs every other command 30 ms
    from shared.metrics.reading import Snapshot

_ANSWERS_WITHIN_S: Final = 2.0


def top(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="[HOST:PORT...]", help="Workers; those of `needledrop up` on this machine by default."),
    ] = None,
    every: Annotated[float, typer.Option(min=0.2, metavar="SECONDS", help="How often to look.")] = 2.0,
    looks: Annotated[int | None, typer.Option(min=2, help="End after so many; without, Ctrl-C ends.")] = None,
) -> None:
    """Show rates, lag, latencies and failures of each stage as they change. Piped, it prints a JSON object a look."""
    from workers.cli.standing import History
    from workers.cli.standing_picture import picture

    where = addresses or _of_running_stack()
    history = History()
    n_looks = 0
    with ThreadPoolExecutor(len(where)) as threads, Live(console=out, auto_refresh=False, transient=False) as screen:
        while looks is None or n_looks < looks:
            if n_looks:
                time.sleep(every)
            n_looks += 1
            history.add(dict(zip(where, threads.map(_look, where), strict=True)))
            standing = history.standing()
            if n_looks == 1 and not standing.stages:
                raise InvalidSettingError(f"no worker answers at {', '.join(where)}: name their HOST:PORT")
            if not piped():
                screen.update(picture(standing), refresh=True)
            elif n_looks > 1:  # rates need two looks
                json_line(json.dumps(dataclasses.asdict(standing)))


def _of_running_stack() -> list[str]:
    stack = running_stack(loaded(StackSettings).state)
    if stack is None:
        raise InvalidSettingError("`needledrop up` does not run here: name the workers as HOST:PORT")
    return [f"127.0.0.1:{port}" for port in stack.http_ports.values()]


def _look(address: str) -> "Snapshot | None":
    from shared.metrics.reading import Snapshot

    url = address if "://" in address else f"http://{address}"
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/metrics", timeout=_ANSWERS_WITHIN_S) as answer:  # noqa: S310
            return Snapshot.of(answer.read().decode(), at_s=time.monotonic())
    except (OSError, ValueError):  # away, or something else listens there
        return None
