import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import (
    AccessDeniedError,
    EmptyAudioError,
    NotFoundError,
    TooLargeError,
    TrackError,
    UnreachableError,
    UriRefusedError,
)
from shared.settings.media import MediaSettings
from workers.extractor.sources import file_source
from workers.extractor.sources.audio_source import AudioSource
from workers.extractor.sources.fetched import ByteCount, Fetched

CONTENT = b"not really music" * 100_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "album").mkdir(parents=True)
    (folder / "album" / "a song.mp3").write_bytes(CONTENT)
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def fetch(root: Path) -> Callable[[str], Fetched]:
    return AudioSource(MediaSettings(roots=(root,), max_bytes=2_000_000)).fetch


def refusal(fetch: Callable[[str], Fetched], uri: str, error: type[TrackError]) -> str:
    n_open = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(error) as caught:
        fetch(uri)
    assert len(list(Path("/dev/fd").iterdir())) == n_open
    return str(caught.value)


def test_a_file_in_a_root_is_opened_and_hashed(root: Path, fetch: Callable[[str], Fetched]) -> None:
    with fetch((root / "album" / "a song.mp3").as_uri()) as fetched:
        assert fetched.n_bytes == len(CONTENT)
        assert fetched.content_hash == hashlib.sha256(CONTENT).hexdigest()
        assert fetched.file.read(16) == CONTENT[:16]
        assert os.fstat(fetched.file.fileno()).st_ino == (root / "album" / "a song.mp3").stat().st_ino
    assert fetched.file.closed


def test_links_inside_the_roots_are_followed(root: Path, fetch: Callable[[str], Fetched]) -> None:
    (root / "link").symlink_to("album")
    (root / "alias.mp3").symlink_to(root / "link" / "a song.mp3")

    for uri in (f"file://{root}/link/a%20song.mp3", f"file://{root}/alias.mp3", f"file://{root}/link/../alias.mp3"):
        with fetch(uri) as fetched:
            assert fetched.n_bytes == len(CONTENT)


def test_a_root_that_is_itself_a_link_is_open(root: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(root)
    source = AudioSource(MediaSettings(roots=(tmp_path / "linked",)))

    with source.fetch(f"file://{tmp_path}/linked/album/a%20song.mp3") as fetched:
        assert fetched.n_bytes == len(CONTENT)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "album/../../secret.txt",
        "%2e%2e/secret.txt",
        "..%2Fsecret.txt",
        "out.txt",
        "out/secret.txt",
        "../no-such-file",
        "../music-too/a.mp3",
    ],
)
def test_what_leads_out_of_the_roots_is_refused_whether_it_exists_or_not(
    root: Path, tmp_path: Path, fetch: Callable[[str], Fetched], path: str
) -> None:
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path)
    (tmp_path / "music-too").mkdir()
    (tmp_path / "music-too" / "a.mp3").write_bytes(b"x")

    assert "NEEDLEDROP_MEDIA_ROOTS" in refusal(fetch, f"file://{root}/{path}", UriRefusedError)


def test_without_roots_no_file_is_opened_and_the_message_says_what_to_do(root: Path) -> None:
    message = refusal(AudioSource(MediaSettings()).fetch, f"file://{root}/album/a%20song.mp3", UriRefusedError)

    assert "name some in NEEDLEDROP_MEDIA_ROOTS" in message


def test_folders_pipes_sockets_and_devices_are_refused(
    root: Path, fetch: Callable[[str], Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for path in ("album", "", "pipe", "socket"):
            refusal(fetch, f"file://{root}/{path}", UriRefusedError)
    refusal(AudioSource(MediaSettings(roots=(Path("/dev"),))).fetch, "file:///dev/zero", UriRefusedError)


def test_a_file_below_a_file_is_refused(root: Path, fetch: Callable[[str], Fetched]) -> None:
    refusal(fetch, f"file://{root}/album/a%20song.mp3/inside.mp3", UriRefusedError)


def test_a_missing_file_is_not_found(root: Path, fetch: Callable[[str], Fetched]) -> None:
    refusal(fetch, f"file://{root}/album/another.mp3", NotFoundError)
    refusal(fetch, f"file://{root}/none/another.mp3", NotFoundError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_is_not_ours_to_read_is_denied(root: Path, fetch: Callable[[str], Fetched]) -> None:
    (root / "locked.mp3").write_bytes(b"x")
    (root / "locked.mp3").chmod(0)
    refusal(fetch, f"file://{root}/locked.mp3", AccessDeniedError)


def test_a_file_that_the_system_does_not_let_us_read_is_denied(
    root: Path, fetch: Callable[[str], Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file_source, "_opened", denied)
    refusal(fetch, f"file://{root}/album/a%20song.mp3", AccessDeniedError)


def test_an_empty_file_is_empty_audio(root: Path, fetch: Callable[[str], Fetched]) -> None:
    (root / "empty.mp3").touch()
    refusal(fetch, f"file://{root}/empty.mp3", EmptyAudioError)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(root: Path, fetch: Callable[[str], Fetched]) -> None:
    with (root / "large.wav").open("wb") as large:
        large.truncate(10**12)  # sparse; to read it would take minutes

    assert "NEEDLEDROP_MEDIA_MAX_BYTES" in refusal(fetch, f"file://{root}/large.wav", TooLargeError)


def test_a_file_that_grows_meanwhile_is_worth_another_try(
    root: Path, fetch: Callable[[str], Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = ByteCount.add

    def add_while_it_grows(self: ByteCount, chunk: bytes) -> None:
        with (root / "growing.mp3").open("ab") as growing:
            growing.write(b"more" if self.n_bytes == 0 else b"")
        count(self, chunk)

    (root / "growing.mp3").write_bytes(b"begun")
    monkeypatch.setattr(ByteCount, "add", add_while_it_grows)

    assert "still being written" in refusal(fetch, f"file://{root}/growing.mp3", UnreachableError)


@pytest.mark.parametrize("swapped", ["album", "album/a song.mp3"])
def test_a_link_swapped_in_after_the_check_leads_nowhere(
    root: Path, tmp_path: Path, fetch: Callable[[str], Fetched], monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    """The race of CVE-2018-15664 and many others: check a path, then open it by name."""
    (tmp_path / "a song.mp3").write_text("secret")
    check = file_source._in_a_root

    def check_then_swap(path: str, shown_uri: str, settings: MediaSettings) -> tuple[Path, Path]:
        checked = check(path, shown_uri, settings)
        (root / swapped).rename(tmp_path / "moved away")
        (root / swapped).symlink_to(tmp_path if swapped == "album" else tmp_path / "secret.txt")
        return checked

    monkeypatch.setattr(file_source, "_in_a_root", check_then_swap)

    refusal(fetch, f"file://{root}/album/a%20song.mp3", UriRefusedError)
