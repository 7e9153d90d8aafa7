"""A service in a process of its own: its work is not that of what is measured."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection

Serving = Callable[[], AbstractContextManager[str]]


@contextmanager
def apart(serving: Serving) -> Iterator[str]:
    """Run ``serving`` elsewhere while the block runs; what it yields, its address.

    Args:
        serving: a function of a module, since the other process imports it.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(serving, theirs), daemon=True)
    process.start()
    yield ours.recv()
    ours.send(None)
    process.join()


def _serve(serving: Serving, parent: Connection) -> None:
    with serving() as address:
        parent.send(address)
        parent.recv()
