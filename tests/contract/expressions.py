"""What an expression of Prometheus reads."""

import re

OF_PROMETHEUS = {"up", "process_start_time_seconds"}
"""Metrics that every process or every scrape has."""


def names_in(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    bare = re.sub(r'"[^"]*"|\b(by|on|without|ignoring)\s*\([^)]*\)|\{[^}]*\}', "", expression)
    return set(re.findall(r"\b(?:needledrop|process)[a-zA-Z0-9_:]*|\bup\b", bare))
