"""Which URIs and addresses may be opened. Arithmetic on texts: nothing here touches a disk or a network."""

import os
import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, unquote_to_bytes, urljoin, urlsplit

import idna

from schemas.errors import UriRefusedError
from schemas.redaction import redacted
from shared.settings.media import MediaSettings

Address: TypeAlias = IPv4Address | IPv6Address

MAX_URI_CHARACTERS = 4096  # as in TrackSubmitted; redirects answer to it too
_REFUSED_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\\]")  # parsers disagree on these, which is how checks are evaded
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label it makes a resolver read the host as a number
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NAT64 = ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ip_network("::/96")
# Where clouds hand out a machine's credentials; most are link-local, these two only look like any private address.
_METADATA_ADDRESSES = frozenset((ip_address("fd00:ec2::254"), ip_address("100.100.100.200")))
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A path that a file:// URI names, absolute; whether it lies in a media root is for the file system to say."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPlace:
    """What an http:// or https:// URI names."""

    scheme: str
    host: str  # ASCII, lower case, an IPv6 address without brackets
    port: int
    target: str  # path and query, ASCII
    userinfo: str | None  # still percent-encoded

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whoever may see this place's credentials."""
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket and a key, as s3:// URIs spell them: the key is everything after the bucket, literally."""

    bucket: str
    key: str


def place_of(uri: str, settings: MediaSettings) -> FilePlace | WebPlace | S3Place:
    """What a URI names, if it may be opened.

    Raises: UriRefusedError, naming the setting when a setting is why.
    """
    if len(uri) > MAX_URI_CHARACTERS:
        raise UriRefusedError(f"a URI of {len(uri)} characters; {MAX_URI_CHARACTERS} are allowed")
    if _REFUSED_CHARACTERS.search(uri) or uri != uri.strip():
        raise _refused(uri, "it holds a control character, a backslash, or space at an end")
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise _refused(uri, str(error)) from None
    if not parts.scheme:
        raise _refused(uri, "it has no scheme; a local file is file:///folder/name")
    if parts.scheme not in settings.schemes:
        # Its scheme is not shown: in `user:password@host` it is the user.
        raise _refused(uri, f"NEEDLEDROP_MEDIA_SCHEMES allows {', '.join(sorted(settings.schemes))} only")
    if parts.scheme == "file":
        return _file_place(uri, parts)
    if parts.scheme == "s3":
        return _s3_place(uri, parts, settings)
    return _web_place(uri, parts, settings)


def redirected(place: WebPlace, location: str, settings: MediaSettings) -> WebPlace:
    """Where a redirect from ``place`` leads, checked like any URI.

    A user and password go along to the same origin only. Raises: UriRefusedError.
    """
    host = f"[{place.host}]" if ":" in place.host else place.host
    uri = urljoin(f"{place.scheme}://{host}:{place.port}{place.target}", location)
    there = place_of(uri, settings)
    if not isinstance(there, WebPlace):
        raise _refused(uri, "a web server may not send us to a place outside the web")
    if there.origin == place.origin and there.userinfo is None:
        return replace(there, userinfo=place.userinfo)
    return there


def address_fault(address: Address, settings: MediaSettings) -> str | None:
    """Why we do not connect to this address, or None when we do. IPv4 addresses inside IPv6 ones count as both."""
    for inner in _unwrapped(address):
        if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner in _METADATA_ADDRESSES:
            return f"{address} is link-local, multicast, unspecified or a cloud's metadata service"
        is_public = inner.is_global and not (isinstance(inner, IPv6Address) and inner.is_site_local)
        if not is_public and not settings.allow_private_addresses:
            return f"{address} is not public, and NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES is false"
    return None


def _file_place(uri: str, parts: SplitResult) -> FilePlace:
    if parts.netloc.lower() not in ("", "localhost"):
        raise _refused(uri, "a file:// URI names no host: file:///folder/name")
    if parts.query or parts.fragment:
        raise _refused(uri, "a ? or # in a file name is written %3F or %23")
    path = unquote_to_bytes(parts.path)
    if not path.startswith(b"/") or b"\0" in path:
        raise _refused(uri, "its path must be absolute, without a NUL byte")
    return FilePlace(os.fsdecode(path))


def _s3_place(uri: str, parts: SplitResult, settings: MediaSettings) -> S3Place:
    bucket = parts.netloc
    key = uri.split("//", 1)[-1].partition("/")[2]
    if not _BUCKET.fullmatch(bucket) or not key:
        raise _refused(uri, "an s3:// URI is s3://bucket/key")
    if settings.s3_buckets and bucket not in settings.s3_buckets:
        raise _refused(uri, f"NEEDLEDROP_MEDIA_S3_BUCKETS does not name {bucket}")
    return S3Place(bucket, key)


def _web_place(uri: str, parts: SplitResult, settings: MediaSettings) -> WebPlace:
    userinfo, at, authority = parts.netloc.rpartition("@")
    if "@" in userinfo:
        raise _refused(uri, "an @ in a user name or password is written %40")
    host = _ascii_host(uri, parts.hostname or "", bracketed=authority.startswith("["))
    if settings.hosts and not _listed(host, settings.hosts):
        raise _refused(uri, f"NEEDLEDROP_MEDIA_HOSTS does not name {host}")
    try:
        port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port or authority.endswith(":"):
        raise _refused(uri, "its port is not a number from 1 to 65535")
    query = f"?{parts.query}" if parts.query else ""
    return WebPlace(
        scheme=parts.scheme,
        host=host,
        port=port,
        target=_ascii_target(f"{parts.path or '/'}{query}"),
        userinfo=userinfo if at else None,
    )


def _ascii_host(uri: str, host: str, *, bracketed: bool) -> str:
    """The host as resolvers and certificates know it; numbers in disguise are refused."""
    if bracketed:
        try:
            return str(IPv6Address(host)) if "%" not in host else _no_host(uri)
        except ValueError:
            return _no_host(uri)
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return _no_host(uri)
    host = host.lower().removesuffix(".")
    if len(host) > 253 or not _HOST_NAME.fullmatch(host):
        return _no_host(uri)
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise _refused(uri, "an IPv4 address is four decimal numbers") from None
    return host


def _no_host(uri: str) -> str:
    raise _refused(uri, "it names no valid host")


def _listed(host: str, hosts: frozenset[str]) -> bool:
    labels = host.split(".")
    return host in hosts or any(f"*.{'.'.join(labels[i:])}" in hosts for i in range(1, len(labels)))


def _ascii_target(target: str) -> str:
    """Percent-encode what may not stand in a request line; what is encoded already stays as it is."""
    return "".join(
        c if "!" <= c <= "~" else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "replace")) for c in target
    )


def _unwrapped(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it carries in one of the ways of doing so."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and (address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1)):
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]  # what `::ffff:` stands for, not an address of its own
    return [address] if inner is None else [address, inner]


def _refused(uri: str, why: str) -> UriRefusedError:
    return UriRefusedError(f"{redacted(uri)[:256]}: {why}")
