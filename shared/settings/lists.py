"""Lists in a variable of the environment."""

import json

from pydantic import BeforeValidator


def listed(separator: str) -> BeforeValidator:
    """JSON, or items with ``separator`` between them."""

    def items(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [item.strip() for item in value.split(separator) if item.strip()]

    return BeforeValidator(items)
