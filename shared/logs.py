"""Logs: one JSON object a line on standard error, or text for people."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from shared.settings.workers import LogSettings


def start_logging(settings: LogSettings, **always: str) -> None:
    """Send all logs of this process to standard error; ``always`` is in every line (the worker's name, say)."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.format == "json":
        handler.setFormatter(
            JsonFormatter(
                "{asctime}{levelname}{name}{message}",
                style="{",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
                datefmt="%Y-%m-%dT%H:%M:%S%z",
                static_fields=dict(always),
            )
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    # Their INFO is our DEBUG: a line for each request, and URLs in it.
    for chatty in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "s3transfer", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
