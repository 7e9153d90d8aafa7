"""The one door for all URIs."""

from schemas.redaction import redacted
from shared.settings.media import MediaSettings
from workers.extractor.sources.doors import FilePlace, WebPlace, place_of
from workers.extractor.sources.fetched import Fetched
from workers.extractor.sources.file_source import fetch_file
from workers.extractor.sources.http_source import HttpSource
from workers.extractor.sources.s3_source import S3Source

_SHOWN_CHARACTERS = 512  # of a URI in an error message, which has room for 2,048


class AudioSource:
    """Opens URIs within the settings. Many threads may use it."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._http = HttpSource(settings)
        self._s3 = S3Source(settings)

    def fetch(self, uri: str) -> Fetched:
        """The bytes behind a URI, hashed; close what is returned.

        Raises: UriRefusedError, NotFoundError, AccessDeniedError, TooLargeError, EmptyAudioError,
            UndecodableAudioError; UnreachableError, which is worth another try. No message holds the URI's secrets.
        """
        place = place_of(uri, self._settings)
        shown_uri = redacted(uri)[:_SHOWN_CHARACTERS]
        if isinstance(place, FilePlace):
            return fetch_file(place, shown_uri, self._settings)
        if isinstance(place, WebPlace):
            return self._http.fetch(place, shown_uri)
        return self._s3.fetch(place, shown_uri)

    def close(self) -> None:
        """Close the kept connections."""
        self._http.close()
        self._s3.close()
