"""Small files and slow servers that would cost much: each ends within its limit, with its reason."""

import gzip
import socket
import socketserver
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import TrackError
from shared.front_end.patches import PATCH_FRAMES
from shared.front_end.spec import MUSICNN_96
from shared.settings.media import MediaSettings
from tests.embedded.extractor import bombs
from workers.extractor.analysis import Analysis, AnalysisTask, analyse, warm_up
from workers.extractor.decoder_processes import DecoderProcesses
from workers.extractor.decoding import DecodingLimits
from workers.extractor.sources.audio_source import AudioSource
from workers.extractor.sources.doors import address_fault

DEFAULTS = MediaSettings()
TASK = AnalysisTask(limits=DecodingLimits.from_settings(DEFAULTS), patch_frames={MUSICNN_96: PATCH_FRAMES})
HOUR_S = 3600.0
MIB = 2**20

Analyse = Callable[[bytes], Analysis]


@pytest.fixture(scope="module")
def restarts() -> Counter[str]:
    return Counter()


@pytest.fixture(scope="module")
def processes(restarts: Counter[str]) -> Iterator[DecoderProcesses[AnalysisTask, Analysis]]:
    with DecoderProcesses(
        analyse,
        n_processes=1,
        timeout_s=DEFAULTS.decode_timeout_s,
        memory_bytes=DEFAULTS.decode_memory_bytes,
        warm_up=partial(warm_up, TASK),
        on_restart=lambda cause: restarts.update([cause]),
    ) as started:
        assert started.ready(60.0)
        yield started


@pytest.fixture
def analysed(processes: DecoderProcesses[AnalysisTask, Analysis], restarts: Counter[str]) -> Iterator[Analyse]:
    """Analyses in a decoding process, which must outlive it without having grown beyond 256 MB."""

    def run(content: bytes) -> Analysis:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.flush()
            return processes.run(TASK, file)

    yield run
    assert not restarts
    if sys.platform == "linux":
        [pid] = processes.pids()
        status = Path(f"/proc/{pid}/status").read_text()
        [peak_kib] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        assert peak_kib * 1024 < 256 * MIB


def refusal(analysed: Analyse, content: bytes) -> str:
    with pytest.raises(TrackError) as caught:
        analysed(content)
    return f"{caught.value.reason}: {caught.value}"


@pytest.mark.parametrize("name", bombs.CLAIMANTS)
def test_a_header_that_claims_two_thousand_million_frames_is_decoded_for_what_is_there(
    analysed: Analyse, name: str
) -> None:
    found = analysed(bombs.claim(name))

    assert found.duration_s == pytest.approx(0.5, abs=0.1)
    assert not found.cut


@pytest.mark.parametrize(("silence", "codec"), [(bombs.silent_flac, "pcm_16"), (bombs.silent_opus, "opus")])
def test_ten_hours_of_silence_in_less_than_a_megabyte_are_cut_at_the_longest_duration(
    analysed: Analyse, silence: Callable[[float], bytes], codec: str
) -> None:
    content = silence(10 * HOUR_S)
    assert len(content) < 1_000_000

    found = analysed(content)

    assert (found.codec, found.duration_s, found.cut) == (codec, DEFAULTS.max_duration_s, True)


@pytest.mark.parametrize("n_channels", [9, 255, 1_000, 1_024])
def test_a_thousand_channels_are_out_of_bounds(analysed: Analyse, n_channels: int) -> None:
    message = refusal(analysed, bombs.wide_wav(n_channels))

    assert message.startswith(f"audio_out_of_bounds: {n_channels} channels; NEEDLEDROP_MEDIA_MAX_CHANNELS")


def test_more_channels_than_any_decoder_takes_are_undecodable(analysed: Analyse) -> None:
    assert refusal(analysed, bombs.wide_wav(65_535, 2)).startswith("undecodable_audio")


@pytest.mark.parametrize("claimed_bytes", [2**30, 2**32 - 1])
def test_a_compressed_header_that_claims_a_gigabyte_is_undecodable(analysed: Analyse, claimed_bytes: int) -> None:
    assert refusal(analysed, bombs.compressed_movie_header(claimed_bytes)).startswith("undecodable_audio")


def test_a_gzip_file_is_not_unpacked(analysed: Analyse) -> None:
    assert refusal(analysed, gzip.compress(bytes(200 * MIB), 6)).startswith("undecodable_audio")


class _Hostile(socketserver.BaseRequestHandler):
    """``/endless`` and so on: each path another cruelty, until the client has had enough."""

    server: "_Server"

    def handle(self) -> None:
        with suppress(OSError):
            path = self.request.recv(65_536).split(b" ")[1].decode().strip("/").partition("?")[0]
            self.server.n_requests += 1
            getattr(self, f"_{path}")()

    def _endless(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not self.server.stop.is_set():
            self.request.sendall(bytes(65_536))

    def _chunked(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.server.stop.is_set():
            self.request.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")

    def _gzip(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(100 * MIB), 1))

    def _headers(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self.server.stop.is_set():
            self.request.sendall(b"X-More: yes\r\n")

    def _slow_headers(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")

    def _slow_body(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")

    def _slow_status(self) -> None:
        self._drip(b"HTTP/1.1 100 Continue\r\n")

    def _drip(self, start: bytes) -> None:
        self.request.sendall(start)
        while not self.server.stop.wait(0.05):
            self.request.sendall(b"x")

    def _never(self) -> None:
        self.server.stop.wait(30.0)

    def _loop(self) -> None:
        self._redirect(b"/loop?again")

    def _metadata(self) -> None:
        self._redirect(b"http://169.254.169.254/latest/meta-data/iam/security-credentials/")

    def _mapped_metadata(self) -> None:
        self._redirect(b"http://[::ffff:a9fe:a9fe]/latest/meta-data/")

    def _inside(self) -> None:
        self._redirect(b"http://127.0.0.1:%d/secret" % self.server.server_address[1])

    def _inside_by_name(self) -> None:
        self._redirect(b"http://localhost:%d/secret" % self.server.server_address[1])

    def _inside_by_number(self) -> None:
        self._redirect(b"http://2130706433:%d/secret" % self.server.server_address[1])

    def _redirect(self, location: bytes) -> None:
        self.request.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    address_family = socket.AF_INET

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hostile)
        self.stop = threading.Event()
        self.n_requests = 0


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.stop.set()
        running.shutdown()
        thread.join()


def fetch_refused(server: _Server, path: str, host: str = "127.0.0.1", **settings: Any) -> str:
    source = AudioSource(MediaSettings(max_bytes=2 * MIB, max_redirects=3, **settings))
    try:
        with pytest.raises(TrackError) as caught:
            source.fetch(f"http://{host}:{server.server_address[1]}/{path}")
    finally:
        source.close()
    return f"{caught.value.reason}: {caught.value}"


@pytest.mark.parametrize(
    ("path", "limits", "reason", "said"),
    [
        ("endless", {}, "too_large", "NEEDLEDROP_MEDIA_MAX_BYTES"),
        ("chunked", {}, "too_large", "NEEDLEDROP_MEDIA_MAX_BYTES"),
        ("gzip", {}, "undecodable_audio", "gzip"),
        ("headers", {}, "unreachable", ""),
        ("slow_headers", {"total_timeout_s": 1.0}, "unreachable", "timeout"),
        ("slow_body", {"total_timeout_s": 1.0}, "unreachable", "timeout"),
        ("slow_status", {"total_timeout_s": 1.0}, "unreachable", "timeout"),
        ("never", {"read_timeout_s": 0.5}, "unreachable", "timeout"),
        ("loop", {}, "uri_refused", "NEEDLEDROP_MEDIA_MAX_REDIRECTS"),
        ("metadata", {}, "uri_refused", "169.254.169.254 is link-local"),
        ("mapped_metadata", {}, "uri_refused", "link-local"),
    ],
)
def test_a_hostile_server_is_left_within_the_limits(
    server: _Server, path: str, limits: dict[str, Any], reason: str, said: str
) -> None:
    message = fetch_refused(server, path, **limits, allow_private_addresses=True)

    assert message.startswith(reason)
    assert said in message
    assert server.n_requests == (4 if path == "loop" else 1)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
@pytest.mark.parametrize("path", ["inside", "inside_by_name", "inside_by_number"])
def test_a_redirect_from_outside_to_loopback_is_refused(
    server: _Server, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.2 stands for a public address; everything else is judged as ever."""
    monkeypatch.setattr(
        "workers.extractor.sources.checked_network.address_fault",
        lambda *asked: None if str(asked[0]) == "127.0.0.2" else address_fault(*asked),
    )
    server.socket.close()
    server.socket = socket.create_server(("0.0.0.0", 0))
    server.server_address = server.socket.getsockname()

    message = fetch_refused(server, path, "127.0.0.2")

    assert message.startswith("uri_refused")
    assert server.n_requests == 1
