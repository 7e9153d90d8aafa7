"""The music of `needledrop demo` when none is named: a CC BY track that librosa's source package carries."""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import platformdirs

from schemas.errors import InvalidSettingError

FOLDER: Final = Path(platformdirs.user_cache_dir("needledrop")) / "demo-music"
ATTRIBUTION: Final = (
    '"Vibe Ace" by Kevin MacLeod (incompetech.com), CC BY 3.0, from the source package of librosa 0.7.2'
)
_PACKAGE: Final = "librosa==0.7.2"
_MEMBER_END: Final = "/Kevin_MacLeod_-_Vibe_Ace.ogg"
_FILE_NAME: Final = "Kevin MacLeod - Vibe Ace.ogg"
_SHA256: Final = "73d6443ef90a7c022f164e5aa90e56c2291585930b39b1656d0765abbc1f1779"


def demo_music() -> Path:
    """The folder with the demo track; fetched from the package index the first time.

    Raises: InvalidSettingError when it cannot be fetched, or is not what it was.
    """
    track = FOLDER / _FILE_NAME
    if not (track.exists() and hashlib.sha256(track.read_bytes()).hexdigest() == _SHA256):
        content = _fetched()
        found = hashlib.sha256(content).hexdigest()
        if found != _SHA256:
            raise InvalidSettingError(f"the demo track of {_PACKAGE} has sha256 {found}, not {_SHA256}: not used")
        FOLDER.mkdir(parents=True, exist_ok=True)
        track.write_bytes(content)
        (FOLDER / "LICENCE.txt").write_text(ATTRIBUTION + "\n")
    return FOLDER


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "librosa"]
        done = subprocess.run([*command, "-d", folder, _PACKAGE], capture_output=True, text=True, check=False)
        archives = list(Path(folder).glob("librosa-*.tar.gz"))
        if not archives:
            raise InvalidSettingError(
                "the demo track could not be fetched from the package index; name music of your own instead: "
                f"`needledrop demo FOLDER`. pip said: {done.stderr.strip()[-500:]}"
            )
        with tarfile.open(archives[0]) as archive:
            for member in archive:
                if member.name.endswith(_MEMBER_END) and (file := archive.extractfile(member)):
                    return file.read()
    raise InvalidSettingError(f"{_PACKAGE} no longer holds {_MEMBER_END}")
