"""http:// and https:// URIs: every address checked, every redirect followed by hand, everything bounded.

Environment proxies are not used: behind one, addresses could not be checked.
"""

import base64
from urllib.parse import unquote_to_bytes

import httpcore

from schemas.errors import (
    AccessDeniedError,
    NotFoundError,
    TrackError,
    UndecodableAudioError,
    UnreachableError,
    UriRefusedError,
)
from shared.settings.media import MediaSettings
from workers.extractor.sources.checked_network import CheckedNetwork, Deadlines, Resolve, resolved
from workers.extractor.sources.doors import WebPlace, redirected
from workers.extractor.sources.fetched import Download, Fetched

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_DENIED = frozenset((401, 402, 403, 407, 451))
_COME_BACK_LATER = frozenset((408, 421, 425, 429))
_ENCODINGS = frozenset(("br", "compress", "deflate", "gzip", "x-gzip", "zstd"))
_PLAYLIST_TYPES = frozenset(
    (
        "application/mpegurl",
        "application/pls+xml",
        "application/vnd.apple.mpegurl",
        "application/x-mpegurl",
        "application/xspf+xml",
        "audio/mpegurl",
        "audio/x-mpegurl",
        "audio/x-scpls",
    )
)


class HttpSource:
    """Downloads over HTTP/1.1, on connections that are kept for the next download. Many threads may use it."""

    def __init__(self, settings: MediaSettings, resolve: Resolve = resolved) -> None:
        self._settings = settings
        self._deadlines = Deadlines()
        self._connections = httpcore.ConnectionPool(
            max_connections=None,  # one for each thread that downloads; the stream loop bounds these
            keepalive_expiry=5.0,
            network_backend=CheckedNetwork(settings, self._deadlines, resolve),
        )

    def fetch(self, place: WebPlace, shown_uri: str) -> Fetched:
        """Download into a temporary file.

        Raises: UriRefusedError, NotFoundError, AccessDeniedError, TooLargeError, EmptyAudioError; UndecodableAudioError
            for an encoded body; UnreachableError.
        """
        try:
            with (
                self._deadlines.within(self._settings.total_timeout_s),
                Download(shown_uri, self._settings) as download,
            ):
                self._download(place, shown_uri, download)
                return download.fetched()
        except httpcore.TimeoutException as error:
            raise UnreachableError(f"{shown_uri}: timeout ({str(error) or type(error).__name__})") from None
        except httpcore.NetworkError as error:
            raise UnreachableError(f"{shown_uri}: {str(error) or type(error).__name__}") from None
        except httpcore.ProtocolError:  # whose text quotes the answer, which may quote our request and its secrets
            raise UnreachableError(f"{shown_uri}: the answer is no HTTP/1.1, or ends early") from None

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()

    def _download(self, place: WebPlace, shown_uri: str, download: Download) -> None:
        timeouts = {
            "connect": self._settings.connect_timeout_s,
            "read": self._settings.read_timeout_s,
            "write": self._settings.read_timeout_s,
        }
        for _ in range(self._settings.max_redirects + 1):
            url = httpcore.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
            with self._connections.stream(
                "GET", url, headers=_request_headers(place), extensions={"timeout": timeouts}
            ) as response:
                headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
                if response.status in _REDIRECTS and "location" in headers:
                    place = redirected(place, headers["location"], self._settings)
                    continue
                if response.status != 200:
                    raise _status_error(response.status, shown_uri)
                _check_headers(headers, shown_uri)
                download.expect(int(headers.get("content-length", "0")))  # h11 lets only digits through
                for chunk in response.iter_stream():
                    download.write(chunk)
                return
        raise UriRefusedError(
            f"{shown_uri}: more than the {self._settings.max_redirects} redirects of NEEDLEDROP_MEDIA_MAX_REDIRECTS"
        )


def _request_headers(place: WebPlace) -> dict[str | bytes, str | bytes]:
    host = f"[{place.host}]" if ":" in place.host else place.host
    standard_port = (place.scheme, place.port) in (("http", 80), ("https", 443))
    headers: dict[str | bytes, str | bytes] = {
        "Host": host if standard_port else f"{host}:{place.port}",
        "Accept": "audio/*, */*;q=0.5",
        "Accept-Encoding": "identity",  # a body that inflates after it was counted would evade max_bytes
        "User-Agent": "needledrop",
    }
    if place.userinfo is not None:
        user, _, password = place.userinfo.partition(":")
        login = base64.b64encode(unquote_to_bytes(user) + b":" + unquote_to_bytes(password))
        headers["Authorization"] = f"Basic {login.decode()}"
    return headers


def _check_headers(headers: dict[str, str], shown_uri: str) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        how = encoding if encoding in _ENCODINGS else "in a way that we do not know"
        raise UndecodableAudioError(f"{shown_uri}: the body is encoded ({how}), although we asked it not to be")
    if headers.get("content-type", "").partition(";")[0].strip().lower() in _PLAYLIST_TYPES:
        raise UriRefusedError(f"{shown_uri}: a playlist; submit what it lists")


def _status_error(status: int, shown_uri: str) -> TrackError:
    message = f"{shown_uri}: HTTP status {status}"
    if status in _DENIED:
        return AccessDeniedError(message)
    if status in _COME_BACK_LATER or status >= 500:
        return UnreachableError(message)
    return NotFoundError(message)
