"""Files that are small and claim, or are, much more than they look. Built by hand, from the formats' specifications."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import soundfile

from tests.end_to_end.fuzz.mutations import with_ogg_sums

_FLAC_BLOCK = 65_535  # the largest there is


def silent_flac(seconds: float, *, rate_hz: int = 8_000, n_channels: int = 1) -> bytes:
    """Constant subframes of silence: 15 bytes for each 65,535 frames of a channel. Source: RFC 9639."""
    n_blocks = int(seconds * rate_hz / _FLAC_BLOCK) + 1
    rate_and_channels = rate_hz << 12 | (n_channels - 1) << 9 | 15 << 4
    info = struct.pack(">HH6x", _FLAC_BLOCK, _FLAC_BLOCK)
    info += (rate_and_channels << 32 | n_blocks * _FLAC_BLOCK).to_bytes(8, "big") + bytes(16)
    pieces = [b"fLaC\x80\x00\x00\x22", info]
    for number in range(n_blocks):
        # Sync; block size at the end, rate as above; channels, 16 bits; number; size - 1.
        head = b"\xff\xf8\x70" + bytes([(n_channels - 1) << 4 | 8]) + _as_utf8(number) + b"\xff\xfe"
        frame = head + bytes([_sum(head, 8, 0x07)]) + b"\x00\x00\x00" * n_channels
        pieces.append(frame + _sum(frame, 16, 0x8005).to_bytes(2, "big"))
    return b"".join(pieces)


def silent_opus(seconds: float) -> bytes:
    """Packets of one byte, each two frames of 60 ms that were not sent: silence. Source: RFC 6716, 7845."""
    n_packets = int(seconds / 0.12)
    packet = bytes([3 << 3 | 1])
    pages = [_ogg_page(0, 0, [b"OpusHead\x01\x01\x00\x00" + struct.pack("<IHB", 48_000, 0, 0)], first=True)]
    pages.append(_ogg_page(1, 0, [b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0)]))
    for start in range(0, n_packets, 255):
        n = min(255, n_packets - start)
        pages.append(_ogg_page(len(pages), (start + n) * 5_760, [packet] * n, last=start + n == n_packets))
    return with_ogg_sums(b"".join(pages))


def wide_wav(n_channels: int, n_frames: int = 100) -> bytes:
    """A WAV file with that many channels."""
    frame = n_channels * 2
    size = n_frames * frame
    form = struct.pack("<HHIIHH", 1, n_channels, 44_100, 44_100 * frame & 0xFFFFFFFF, frame & 0xFFFF, 16)
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt \x10\0\0\0" + form
    return head + b"data" + struct.pack("<I", size) + bytes(size)


def claim(name: str) -> bytes:
    """Half a second that says it is 2^31 frames, or as many as its format can say; one of `CLAIMANTS`."""
    return _CLAIM[name](_written(*CLAIMANTS[name]))


def compressed_movie_header(claimed_bytes: int) -> bytes:
    """An M4A file whose header is zlib-compressed and claims to be that large."""
    inner = zlib.compress(bytes(10_000_000), 9)
    packed = _box(b"cmov", _box(b"dcom", b"zlib") + _box(b"cmvd", struct.pack(">I", claimed_bytes) + inner))
    return _box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom") + _box(b"moov", packed) + _box(b"mdat", bytes(1000))


CLAIMANTS = {
    "wav": ("WAV", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
}


def _claiming(marker: bytes, skip: int, claim: bytes) -> Callable[[bytes], bytes]:
    def claiming(content: bytes) -> bytes:
        at = content.index(marker) + skip
        return content[:at] + claim + content[at + len(claim) :]

    return claiming


def _flac_claim(content: bytes) -> bytes:
    return content[:21] + bytes([content[21] | 0x0F]) + b"\xff" * 4 + content[26:]  # STREAMINFO: 36 bits of samples


def _mp3_claim(content: bytes) -> bytes:
    """An Xing header in front: so many frames, so many bytes."""
    frame = b"\xff\xfb\x90\x00" + bytes(32) + b"Xing" + struct.pack(">III", 3, 2**31 - 1, 2**31 - 1)
    return frame.ljust(417, b"\0") + content


def _ogg_claim(content: bytes) -> bytes:
    at = content.rindex(b"OggS") + 6  # the last page's position: frames so far
    return with_ogg_sums(content[:at] + struct.pack("<q", 2**62) + content[at + 8 :])


_CLAIM: dict[str, Callable[[bytes], bytes]] = {
    "wav": _claiming(b"data", 4, struct.pack("<I", 2**32 - 1)),
    "w64": _claiming(b"data\xf3\xac", 16, struct.pack("<Q", 2**62)),
    "flac": _flac_claim,
    "aiff": _claiming(b"COMM", 10, struct.pack(">I", 2**32 - 1)),
    "au": _claiming(b".snd", 8, struct.pack(">I", 2**32 - 1)),
    "caf": _claiming(b"data", 4, struct.pack(">Q", 2**62)),
    "mp3": _mp3_claim,
    "ogg": _ogg_claim,
}


def _written(container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).standard_normal((22_050, 2)).astype(np.float32) * 0.1
    soundfile.write(buffer, noise, 44_100, format=container, subtype=codec)
    return buffer.getvalue()


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _as_utf8(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")  # FLAC's frame numbers are coded as characters are


def _sum(content: bytes, width: int, polynomial: int) -> int:
    total = 0
    for byte in content:
        total ^= byte << (width - 8)
        for _ in range(8):
            total = (total << 1 ^ (polynomial if total >> (width - 1) else 0)) & (1 << width) - 1
    return total


def _ogg_page(number: int, position: int, packets: list[bytes], *, first: bool = False, last: bool = False) -> bytes:
    kind = 2 * first + 4 * last
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, position, 7, number, 0, len(packets))
    return head + bytes(map(len, packets)) + b"".join(packets)
