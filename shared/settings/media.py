"""What the extractor may open, and how much of it: the bounds that keep a hostile URI or file harmless."""

import os
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode

from shared.settings.lists import listed
from shared.settings.loading import settings_config

Scheme: TypeAlias = Literal["file", "http", "https", "s3"]

_MIB = 2**20


class MediaSettings(BaseSettings):
    """What the extractor may open, and how much of it. ``NEEDLEDROP_MEDIA_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_MEDIA_")

    roots: Annotated[tuple[Path, ...], NoDecode, listed(os.pathsep)] = ()
    """Folders that file:// URIs may lead into, separated as in PATH or as a JSON list. None: no file is opened."""
    schemes: Annotated[frozenset[Scheme], NoDecode, listed(","), Field(min_length=1)] = frozenset(
        ("file", "http", "https", "s3")
    )
    """Kinds of URIs that are opened at all, comma-separated."""
    hosts: Annotated[frozenset[str], NoDecode, listed(",")] = frozenset()
    """Hosts that http:// and https:// URIs may name, comma-separated, `*.example.org` for all below one. None: any."""
    allow_private_addresses: bool = False
    """Open http:// and https:// on private and loopback addresses too. Link-local ones, where clouds keep credentials,
    stay closed."""
    max_bytes: Annotated[int, Field(gt=0)] = 256 * _MIB
    """Larger files are refused. An hour of CD audio in FLAC has about 300 MB."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    """How long a server may take to accept a connection."""
    read_timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long a server may be silent."""
    total_timeout_s: Annotated[float, Field(gt=0, le=900)] = 60.0
    """How long one download may take, redirects included, however lively the server is."""
    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """How often one download may be sent elsewhere; each target is checked like the first."""
    max_duration_s: Annotated[float, Field(ge=1, le=7200)] = 900.0
    """Audio is analysed up to here; what follows is not decoded. A second costs a decoding process 64 kB of memory."""
    excerpt_only: bool = False
    """Decode only the 30 s in the middle of a longer track, where its format can seek (WAV, FLAC, MP3, Ogg): a track of
    four minutes is decoded in an eighth of the time. Loudness and labels are then of these; labels say so."""
    max_channels: Annotated[int, Field(ge=1, le=64)] = 8
    """Audio with more channels is refused."""
    min_sample_rate_hz: Annotated[int, Field(ge=4_000)] = 4_000
    """Audio with a lower sample rate is refused; the loudness filters end at 4 kHz."""
    max_sample_rate_hz: Annotated[int, Field(le=768_000)] = 384_000
    """Audio with a higher sample rate is refused."""
    decode_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """A process that takes longer over one file is killed; the file gets one more try in a fresh one."""
    decode_memory_bytes: Annotated[int, Field(ge=256 * _MIB)] = 1024 * _MIB
    """Private memory that a decoding process may map (Linux: RLIMIT_DATA), libraries included, before it is ended."""
    s3_buckets: Annotated[frozenset[str], NoDecode, listed(",")] = frozenset()
    """Buckets that s3:// URIs may name, comma-separated. None: any that the credentials can read."""
    s3_endpoint_url: str = ""
    """Where s3:// is served, when that is not AWS: `https://minio.example.org:9000`, say. Credentials come from where
    the AWS SDK looks: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the machine's role."""

    @field_validator("roots")
    @classmethod
    def _roots_are_folders(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        resolved = tuple(root.expanduser().resolve() for root in roots)
        for root in resolved:
            if not root.is_dir():
                raise ValueError(f"{root} is not a folder")
        return resolved

    @field_validator("hosts")
    @classmethod
    def _hosts_in_lower_case(cls, hosts: frozenset[str]) -> frozenset[str]:
        return frozenset(host.lower().rstrip(".") for host in hosts)

    @field_validator("s3_endpoint_url")
    @classmethod
    def _endpoint_is_a_url(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url

    @field_validator("max_sample_rate_hz")
    @classmethod
    def _above_the_lowest(cls, rate_hz: int, info: ValidationInfo) -> int:
        lowest_hz = info.data.get("min_sample_rate_hz", rate_hz)
        if rate_hz < lowest_hz:
            raise ValueError(f"is below NEEDLEDROP_MEDIA_MIN_SAMPLE_RATE_HZ, {lowest_hz}")
        return rate_hz
