"""Takes the secrets out of a URI, so that it can be shown: in labels, failures, logs."""

import re

_HIDDEN = "***"
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # they would forge lines in logs and terminals
_SCHEME_AND_AUTHORITY = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*:)?/{2})([^/]*)(.*)")
_PORT_OR_NONE = re.compile(r"[^:]*|.*:[0-9]*|\[.*\](:[0-9]*)?")


def redacted(uri: str) -> str:
    """The URI without ``user:password@``, without the values of its query (presigned URLs), without its fragment.

    Takes any text, malformed URIs too, and rather hides too much than too little.
    """
    shown = _CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", uri)
    address, mark, rest = re.fullmatch(r"([^?#]*)([?#]?)(.*)", shown).groups()  # type: ignore[union-attr]  # matches all
    query, hash_mark, _ = rest.partition("#")
    if mark == "#":
        return f"{_without_userinfo(address)}#{_HIDDEN}"
    parameters = "&".join(_without_value(parameter) for parameter in query.split("&")) if query else ""
    return f"{_without_userinfo(address)}{mark}{parameters}{f'#{_HIDDEN}' if hash_mark else ''}"


def _without_userinfo(address: str) -> str:
    match = _SCHEME_AND_AUTHORITY.fullmatch(address)
    if match is None:  # not a URI as we know them
        secret, at, shown = address.rpartition("@")
        return f"{_HIDDEN}@{shown}" if at and ":" in secret else address
    scheme, authority, path = match.groups()
    # `http://user:pass/word@host` has an authority `user:pass`, whose port is no number: the password goes on.
    everything = authority if _PORT_OR_NONE.fullmatch(authority) else authority + path
    _, at, shown = everything.rpartition("@")
    if not at:
        return address
    return f"{scheme}{_HIDDEN}@{shown}{path if everything is authority else ''}"


def _without_value(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={_HIDDEN}" if equals else _HIDDEN
