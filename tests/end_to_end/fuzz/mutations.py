"""Ways to spoil things: bytes of any kind, JSON events, URIs, headers. All chance comes from the generator given."""

import json
import random
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Headers = list[tuple[str, bytes]]

# Where parsers go wrong: zero, signs, the ends of 8, 16, 24, 31, 32 and 64 bits.
_EDGES = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0xFFFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63,
    2**64 - 1,
)
_HEAD_BYTES = 256  # where formats keep what they claim about themselves
_MAX_STEPS = 6


def spoiled(chance: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """``content`` after one to six random edits; ``others`` are grafted into it."""
    spoilt = bytearray(content)
    for _ in range(chance.randint(1, _MAX_STEPS)):
        chance.choice(_EDITS)(chance, spoilt, others)
        if not spoilt:
            break
    return bytes(spoilt)


def _place(chance: random.Random, spoilt: bytearray) -> int:
    """Half of all damage is done in the head."""
    reach = min(_HEAD_BYTES, len(spoilt)) if chance.random() < 0.5 else len(spoilt)
    return chance.randrange(max(reach, 1))


def _flip_bits(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    for _flip in range(chance.randint(1, 8)):
        at = _place(chance, spoilt)
        spoilt[at : at + 1] = bytes([spoilt[at] ^ (1 << chance.randrange(8))]) if at < len(spoilt) else b""


def _set_number(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    width = chance.choice((1, 2, 3, 4, 8))
    number = chance.choice(_EDGES) % 2 ** (8 * width)
    at = _place(chance, spoilt)
    spoilt[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))


def _set_noise(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    at, n = _place(chance, spoilt), chance.randint(1, 64)
    spoilt[at : at + n] = chance.randbytes(n)


def _cut_end(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    del spoilt[_place(chance, spoilt) :]


def _cut_out(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, spoilt)
    del spoilt[at : at + chance.randint(1, 2048)]


def _repeat(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, spoilt)
    spoilt[at:at] = spoilt[at : at + chance.randint(1, 2048)] * chance.randint(1, 8)


def _graft(chance: random.Random, spoilt: bytearray, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    start = chance.randrange(len(other))
    at = _place(chance, spoilt)
    spoilt[at : at + chance.choice((0, 512))] = other[start : start + chance.randint(1, 4096)]


def _zeros(chance: random.Random, spoilt: bytearray, _: Sequence[bytes]) -> None:
    at, n = _place(chance, spoilt), chance.randint(1, 4096)
    spoilt[at : at + n] = chance.choice((b"\0", b"\xff")) * n


_Edit = Callable[[random.Random, bytearray, Sequence[bytes]], None]
_EDITS: tuple[_Edit, ...] = (
    _flip_bits,
    _flip_bits,
    _set_number,
    _set_number,
    _set_noise,
    _cut_end,
    _cut_out,
    _repeat,
    _graft,
    _zeros,
)


def with_ogg_sums(content: bytes, serial: int | None = None) -> bytes:
    """The same Ogg pages with right checksums: else decoders would drop what was damaged, and never look at it.

    Source: RFC 3533, section 6: CRC-32 with polynomial 0x04c11db7, unreflected, from 0, over the page with a sum of 0.
    """
    mended = bytearray(content)
    at = mended.find(b"OggS")
    while at >= 0 and at + 27 <= len(mended):
        n_segments = mended[at + 26]
        end = at + 27 + n_segments + sum(mended[at + 27 : at + 27 + n_segments])
        if serial is not None:
            mended[at + 14 : at + 18] = serial.to_bytes(4, "little")
        mended[at + 22 : at + 26] = bytes(4)
        mended[at + 22 : at + 26] = _ogg_sum(mended[at:end]).to_bytes(4, "little")
        at = mended.find(b"OggS", at + 27)
    return bytes(mended)


def _ogg_sum(page: bytearray) -> int:
    total = 0
    for byte in page:
        total = (total << 8) & 0xFFFFFFFF ^ _OGG_TABLE[total >> 24 ^ byte]
    return total


def _ogg_entry(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1) & 0xFFFFFFFF ^ (0x04C11DB7 if value & 0x80000000 else 0)
    return value


_OGG_TABLE = tuple(map(_ogg_entry, range(256)))

_ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**400,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    " ",
    "\0",
    "\x1b[31mred\u2028",
    "\N{RIGHT-TO-LEFT OVERRIDE}" * 50,
    "x" * 5000,
    "9999-12-31T23:59:59.999999-14:00",
    "0001-01-01T00:00:00+14:00",
    [],
    [[[[[]]]]],
    {},
    {"a": {"b": {}}},
    [1] * 1000,
)


def spoiled_event(chance: random.Random, event: Mapping[str, Any]) -> bytes:
    """The JSON of an event with fields dropped, renamed, nested and set to odd values, or with damaged bytes."""
    fields = dict(event)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(list(fields) or ["track_id"])
        match chance.randrange(5):
            case 0:
                fields.pop(name, None)
            case 1:
                fields[name.upper() + chance.choice(("", "\0", "\u2028"))] = fields.get(name)
            case 2:
                fields[name] = {name: fields.get(name)}
            case _:
                fields[name] = chance.choice(_ODD_VALUES)
    value = json.dumps(fields, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    match chance.randrange(6):
        case 0:
            return spoiled(chance, value, [b'{"track_id":', b"[" * 2000, b"\xed\xa0\x80", b'"\\ud800"', b"1e9999"])
        case 1:
            return chance.choice((b"", b"null", b"[]", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe{\0}\0"))
        case _:
            return value


_URI_PIECES = (
    *("file://", "http://", "https://", "s3://", "HTTP://", "ftp://", "gopher://", "data:audio/wav;base64,", "concat:"),
    *("subfile,,start,0,end,99,,:", "file:", "//", "/", "\\", "@", ":", "?", "#", "%00", "%2e%2e/", "../", "..%2f"),
    *("%252e%252e%252f", "localhost", "localhost.", "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]"),
    *(
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "metadata.google.internal",
        "\u2100",
        "\uff0e",
        "xn--",
        "xn--80ak6aa92e",
    ),
    *("user:hunted@", "a@b@", ":99999", ":0", ":-1", " ", "\t", "\r\n", "\0", "\ud800", "\N{SNOWMAN}", "etc/passwd"),
    *("dev/zero", "proc/self/environ", "|", ";", "&", "=", "*", "?X-Amz-Signature=hunter3", "bucket", "key", "a" * 300),
)


def spoiled_uri(chance: random.Random, uris: Sequence[str]) -> str:
    """A URI made of pieces that parsers disagree on, or a good one with some of them stuck in."""
    pieces = [chance.choice(_URI_PIECES) for _ in range(chance.randint(1, 6))]
    if chance.random() < 0.5:
        return "".join(pieces)[:4096]
    uri = chance.choice(uris)
    for piece in pieces[:2]:
        at = chance.randrange(len(uri) + 1)
        uri = uri[:at] + piece + uri[at + chance.choice((0, 0, 1, 4)) :]
    return uri[:4096]


def spoiled_headers(chance: random.Random, headers: Sequence[tuple[str, bytes]]) -> Headers:
    """Headers dropped, doubled, emptied, renamed, made long, in another order, and with strangers among them."""
    spoilt = list(headers)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(spoilt) + 1)
        name, value = spoilt[at] if at < len(spoilt) else ("traceparent", b"00-x-y-01")
        match chance.randrange(6):
            case 0:
                del spoilt[at : at + 1]
            case 1:
                spoilt.insert(at, (name, spoiled(chance, value or b"x", [b"\0", b"-", b"9" * 40, b"\xff"])))
            case 2:
                spoilt[at : at + 1] = [(name, chance.choice((b"", b"\0", b"9" * 30, b"\xff" * 9, b"x" * 20_000)))]
            case 3:
                letters = "".join(chance.choices(string.printable + "\u00e9\0", k=chance.randint(0, 40)))
                spoilt.insert(at, (letters, value))
            case 4:
                spoilt.insert(at, (chance.choice(("ce_id", "needledrop_position", "needledrop_coordinates")), value))
            case _:
                chance.shuffle(spoilt)
    return spoilt
