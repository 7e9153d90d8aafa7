"""s3:// URIs, on AWS or whatever else speaks its protocol."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from schemas.errors import AccessDeniedError, NotFoundError, TrackError, UnreachableError, UriRefusedError
from shared.settings.media import MediaSettings
from workers.extractor.sources.doors import S3Place
from workers.extractor.sources.fetched import CHUNK_BYTES, Download, Fetched

_NOT_THERE = frozenset(("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NotFound", "404"))
_OUT_OF_DATE = frozenset(("ExpiredToken", "InvalidToken"))  # credentials; the status is 400
_THROTTLED = frozenset(("SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "TooManyRequests", "429"))


class _Client(Protocol):
    """What we use of the SDK's client, which has no types."""

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, Any]: ...  # noqa: N803 - the SDK's spelling

    def close(self) -> None: ...


class S3Source:
    """Downloads from object storage. Many threads may use it; the SDK is imported at the first download."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: _Client | None = None

    def fetch(self, place: S3Place, shown_uri: str) -> Fetched:
        """Download into a temporary file.

        Raises: UriRefusedError without credentials; NotFoundError, AccessDeniedError, TooLargeError, EmptyAudioError,
            UnreachableError.
        """
        from botocore import exceptions

        try:
            with Download(shown_uri, self._settings) as download:
                self._download(place, shown_uri, download)
                return download.fetched()
        except exceptions.ClientError as error:
            raise _answer_error(error.response, shown_uri) from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound):
            raise UriRefusedError(
                f"{shown_uri}: no credentials for s3://; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE"
            ) from None
        except exceptions.ParamValidationError:
            raise UriRefusedError(f"{shown_uri}: not a valid bucket or key") from None
        except (exceptions.BotoCoreError, OSError) as error:
            raise UnreachableError(f"{shown_uri}: {type(error).__name__}") from None

    def close(self) -> None:
        """Close the kept connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _download(self, place: S3Place, shown_uri: str, download: Download) -> None:
        deadline_s = time.monotonic() + self._settings.total_timeout_s
        answer = self._connected().get_object(Bucket=place.bucket, Key=place.key)
        body = answer["Body"]
        try:
            download.expect(int(answer["ContentLength"]))
            for chunk in body.iter_chunks(CHUNK_BYTES):
                if time.monotonic() > deadline_s:
                    raise UnreachableError(f"{shown_uri}: not downloaded within NEEDLEDROP_MEDIA_TOTAL_TIMEOUT_S")
                download.write(chunk)
        finally:
            body.close()

    def _connected(self) -> _Client:
        with self._lock:
            if self._client is None:
                self._client = _client(self._settings)
            return self._client


def _client(settings: MediaSettings) -> _Client:
    import boto3
    from botocore.config import Config

    client: _Client = boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint_url or None,
        config=Config(
            connect_timeout=settings.connect_timeout_s,
            read_timeout=settings.read_timeout_s,
            retries={"total_max_attempts": 1},  # ours are in retries.py, for all sources alike
            max_pool_connections=32,
            s3={"addressing_style": "path"} if settings.s3_endpoint_url else None,
        ),
    )
    return client


def _answer_error(answer: Mapping[str, Any], shown_uri: str) -> TrackError:
    code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = f"{shown_uri}: {code or 'no error code'}, HTTP status {status}"
    if code in _NOT_THERE:
        return NotFoundError(message)
    if code in _THROTTLED or status >= 500 or status == 429:
        return UnreachableError(message)
    if code in _OUT_OF_DATE or status in (401, 403):
        return AccessDeniedError(message)
    return NotFoundError(message)
