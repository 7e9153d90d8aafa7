"""Playlists, manifests and archives that call themselves audio: FFmpeg must not open what they name."""

import io
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from schemas.errors import UndecodableAudioError
from shared.settings.media import MediaSettings
from tests.embedded.extractor.watching import CountingServer, counting_server, opened
from tests.end_to_end.fuzz.seeds import seeds
from workers.extractor.decoding import DecodingLimits, decoded

LIMITS = DecodingLimits.from_settings(MediaSettings())

# What a file may say. {url} leads to the counting server, {path} to a sound file that must not be read.
TEXTS = {
    "hls-file": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "hls-bare-path": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{path}\n#EXT-X-ENDLIST\n",
    "hls-http": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n",
    "hls-variants": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=128000\n{url}\n",
    "hls-key": (
        '#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:5,\n{path}\n#EXT-X-ENDLIST\n'
    ),
    "hls-concat": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nconcat:{path}|{url}\n#EXT-X-ENDLIST\n",
    "hls-subfile": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsubfile,,start,0,end,9,,:{path}\n#EXT-X-ENDLIST\n",
    "m3u": "#EXTM3U\n#EXTINF:5,a song\n{url}\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "concat-http": "ffconcat version 1.0\nfile '{url}'\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>"
    ),
    "smil": '<smil><body><seq><audio src="{url}"/><audio src="file://{path}"/></seq></body></smil>',
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
    "xspf": '<playlist version="1"><trackList><track><location>{url}</location></track></trackList></playlist>',
    "pls": "[playlist]\nFile1={url}\nNumberOfEntries=1\nVersion=2\n",
    "ram": "{url}\nfile://{path}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "rtsp-reference": "rtsptext\r\nrtsp://{host}/a\r\n",
    "avisynth": 'DirectShowSource("{path}")\n',
    "cue": 'FILE "{path}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
    "xxe": '<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://{path}">]><MPD>&x;</MPD>',
    "shortcut": "[InternetShortcut]\nURL={url}\n",
    "ffmetadata": ";FFMETADATA1\ntitle={path}\n",
    "imf": '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>{url}</Id></CompositionPlaylist>',
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Audio that no file but itself may lead to."""
    path = tmp_path / "secret.aac"
    path.write_bytes(seeds()["aac-adts"])
    return path


@pytest.fixture
def server(secret: Path) -> Iterator[CountingServer]:
    content = secret.read_bytes()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: audio/aac\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    with counting_server(lambda _: answer) as running:
        yield running


def filled(text: str, secret: Path, server: CountingServer) -> bytes:
    host = f"127.0.0.1:{server.port}"
    return text.format(url=f"http://{host}/secret.aac", host=host, path=secret).encode()


def a_zip(secret: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.write(secret, "song.aac")
    return buffer.getvalue()


def a_tar(secret: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(secret, "song.aac")
    return buffer.getvalue()


def require_refused(content: bytes, secret: Path, server: CountingServer) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        with opened([secret]) as files, pytest.raises(UndecodableAudioError) as caught:
            decoded(file, LIMITS)
    assert files == []
    assert server.n_connections == 0
    assert str(secret) not in str(caught.value)


@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf", b"ID3\x04\0\0\0\0\0\0"], ids=["plain", "bom", "id3"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_names_other_places_opens_none_of_them(
    name: str, lead: bytes, secret: Path, server: CountingServer
) -> None:
    require_refused(lead + filled(TEXTS[name], secret, server), secret, server)


@pytest.mark.parametrize("archive", [a_zip, a_tar])
def test_an_archive_is_not_searched_for_audio(
    archive: Callable[[Path], bytes], secret: Path, server: CountingServer
) -> None:
    require_refused(archive(secret), secret, server)


def test_a_movie_header_that_keeps_its_samples_elsewhere_leads_nowhere(secret: Path, server: CountingServer) -> None:
    """QuickTime's data references: FFmpeg can follow them, by path and by URL."""
    content = seeds()["m4a-aac"]
    at = content.index(b"dref")
    here = b"\0\0\0\x0curl \0\0\0\x01"  # one reference: this file itself
    assert content[at + 12 : at + 24] == here
    location = f"http://127.0.0.1:{server.port}/secret.aac\0".encode()
    for kind in (b"url ", b"urn ", b"alis", b"rsrc"):
        reference = (12 + len(location)).to_bytes(4, "big") + kind + b"\0\0\0\0" + location
        spoilt = _with_room(content, at + 12, here, reference)
        with tempfile.TemporaryFile() as file, opened([secret]) as files:
            file.write(spoilt)
            file.flush()
            with suppress(UndecodableAudioError):
                decoded(file, LIMITS)  # the samples that are in the file itself are its own
        assert files == []
        assert server.n_connections == 0


def _with_room(content: bytes, at: int, old: bytes, new: bytes) -> bytes:
    """Replace a box by a longer one, and make those around it that much longer."""
    more = len(new) - len(old)
    grown = bytearray(content[:at] + new + content[at + len(old) :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = grown.index(name) - 4
        size = int.from_bytes(grown[start : start + 4], "big") + more
        grown[start : start + 4] = size.to_bytes(4, "big")
    return bytes(grown)


@pytest.mark.parametrize("name", ["hls-http", "hls-file", "concat"])
def test_ffmpeg_left_alone_would_open_them(name: str, secret: Path, server: CountingServer, tmp_path: Path) -> None:
    """Or the tests above would prove nothing."""
    playlist = tmp_path / "song.mp3"
    playlist.write_bytes(filled(TEXTS[name], secret, server))

    options = {"safe": "0", "allowed_extensions": "ALL", "extension_picky": "0"}
    options["protocol_whitelist"] = "file,http,tcp,crypto,data"
    with (
        opened([secret]) as files,
        suppress(av.FFmpegError),
        av.open(str(playlist), format=name.partition("-")[0], options=options) as container,
    ):
        next(container.decode(audio=0), None)

    assert server.n_connections or "secret.aac" in files


def test_audio_with_a_playlist_behind_it_is_that_audio(secret: Path, server: CountingServer) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((16_000, 1), np.float32), 16_000, format="WAV")
    with tempfile.TemporaryFile() as file, opened([secret]) as files:
        file.write(buffer.getvalue() + filled(TEXTS["hls-http"], secret, server))
        file.flush()
        found = decoded(file, LIMITS)

    assert (found.container, found.duration_s) == ("wav", 1.0)
    assert files == []
    assert server.n_connections == 0
