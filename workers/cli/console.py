"""Two consoles: results go to standard output, everything else to standard error."""

import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def piped() -> bool:
    """Whether a program reads our results, which then are JSON lines."""
    return not sys.stdout.isatty()


def json_line(fields: Mapping[str, object] | str) -> None:
    """One object on one line, at once: whoever reads the pipe may be waiting for it."""
    sys.stdout.write(fields if isinstance(fields, str) else json.dumps(fields, ensure_ascii=False))
    sys.stdout.write("\n")
    sys.stdout.flush()


def progress() -> Progress:
    """A progress bar on standard error, gone when it is done."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,  # it would leave an empty line in a log
    )
