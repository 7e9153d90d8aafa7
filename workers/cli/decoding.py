"""Decoding for training: the extractor's own decoders, in processes of their own, so that training hears the same."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from shared.settings.loading import loaded
from shared.settings.media import MediaSettings
from workers.extractor.decoder_processes import DecoderProcesses
from workers.extractor.decoding import DecodingLimits, decoded
from workers.extractor.sources.fetched import CHUNK_BYTES

if TYPE_CHECKING:
    from training.data.pcm import PreparedAudio
    from training.data.preparation import Decode


def prepared_audio(limits: DecodingLimits, file: BinaryIO) -> "PreparedAudio":
    """Decode one open file to what shards keep. Runs in a decoding process. Raises: as `decoded`."""
    from training.data.pcm import quantised

    file.seek(0)
    content_hash = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        content_hash.update(chunk)
    return quantised(decoded(file, limits).samples, content_hash.hexdigest())


@contextmanager
def decoding(n_processes: int) -> Iterator["Decode"]:
    """Decodes local files, under the limits of NEEDLEDROP_MEDIA_*, in that many processes until the block ends.

    Any number of threads may call what it gives. That raises OSError for a file that cannot be opened, and a
    PermanentError for one that cannot be decoded.
    """
    media = loaded(MediaSettings)
    limits = DecodingLimits.from_settings(media)
    processes: DecoderProcesses[DecodingLimits, PreparedAudio] = DecoderProcesses(
        prepared_audio,
        n_processes=n_processes,
        timeout_s=media.decode_timeout_s,
        memory_bytes=media.decode_memory_bytes,
    )

    def decode(path: Path) -> "PreparedAudio":
        with path.open("rb") as file:
            return processes.run(limits, file)

    try:
        yield decode
    finally:
        processes.close()
