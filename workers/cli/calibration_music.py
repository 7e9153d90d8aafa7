"""Music for the calibration of 8-bit networks: patches of what lies in a folder."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError, TrackError
from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import MUSICNN_96
from shared.models.published import PATCH_FRAMES
from shared.settings.media import MediaSettings
from workers.cli.console import err
from workers.cli.tracks import tracks_of

_N_TRACKS: Final = 32  # spread over the folder


def calibration_patches(music: Path) -> NDArray[np.float32]:
    """What networks hear of up to 32 tracks, [n, 187, 96]; those that cannot be decoded are left out, with a word.

    Raises: InvalidSettingError when there is no music.
    """
    from workers.extractor.decoding import DecodingLimits, decoded

    tracks = [track.path for track in tracks_of([str(music)]) if track.path]
    limits = DecodingLimits.from_settings(MediaSettings())
    patches: list[NDArray[np.float32]] = []
    for path in tracks[:: max(1, len(tracks) // _N_TRACKS)]:
        try:
            with path.open("rb", buffering=0) as file:
                samples = decoded(file, limits, loudness=False).samples
        except TrackError as error:
            err.print(f"left out {path}: {error}")
            continue
        patches.append(compressed(cut(segments_of(samples, MUSICNN_96), PATCH_FRAMES)[0], MUSICNN_96))
    if not patches:
        raise InvalidSettingError(f"{music} has no music that could be decoded")
    return np.concatenate(patches)
