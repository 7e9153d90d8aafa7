import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from schemas.errors import UnreachableError
from shared.settings.media import MediaSettings
from workers.extractor.sources.doors import WebPlace, place_of
from workers.extractor.sources.http_source import HttpSource

SETTINGS = MediaSettings(allow_private_addresses=True, total_timeout_s=5.0)


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"music")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of music.example, signed by itself, trusted by this process; with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "music.example")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("music.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "trusted.pem").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    plain = serialization.NoEncryption()
    both = tmp_path / "server.pem"
    both.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return both


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(5.0)


def a_place(uri: str) -> WebPlace:
    place = place_of(uri, SETTINGS)
    assert isinstance(place, WebPlace)
    return place


def test_a_certificate_is_that_of_the_name_though_the_connection_goes_to_a_checked_address(port: int) -> None:
    source = HttpSource(SETTINGS, lambda _, __: [ip_address("127.0.0.1")])

    with source.fetch(a_place(f"https://music.example:{port}/a.mp3"), "shown") as fetched:
        assert fetched.file.read() == b"music"
    with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
        source.fetch(a_place(f"https://other.example:{port}/a.mp3"), "shown")
    source.close()
