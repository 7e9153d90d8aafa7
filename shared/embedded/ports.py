"""Free TCP ports on 127.0.0.1."""

import random
import socket

LOCALHOST = "127.0.0.1"

# Below the ports that systems give to outgoing connections (from 32,768 on Linux, from 49,152 on macOS): a client that
# keeps calling a stopped server could be given the server's own port, connect to itself, and keep the server from it.
_LOWEST_PORT = 20_000
_HIGHEST_PORT = 32_000
_N_TRIES = 200


class NoFreePortError(OSError):
    """Every port that we tried is taken."""


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now: nobody listens there; TIME_WAIT does not count."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that is free now, drawn by chance so that two programs rarely choose the same one.

    Raises: NoFreePortError, after 200 draws.
    """
    for _ in range(_N_TRIES):
        port = random.randrange(_LOWEST_PORT, _HIGHEST_PORT)  # noqa: S311 - not a secret
        if is_free(port):
            return port
    raise NoFreePortError(f"no free port among {_N_TRIES} between {_LOWEST_PORT} and {_HIGHEST_PORT} on {LOCALHOST}")
