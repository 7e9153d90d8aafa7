"""What all workers have in common, and what only one of them needs."""

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings

from shared.settings.loading import settings_config


class HttpSettings(BaseSettings):
    """The page that Prometheus and probes read: /metrics, /livez, /readyz. ``NEEDLEDROP_HTTP_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_HTTP_")

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a container."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9400
    """Port to listen on; 0 takes a free one and logs it."""
    stuck_after_s: Annotated[float, Field(ge=5)] = 180.0
    """/livez fails when there is lag and nothing was committed for so long."""


class LogSettings(BaseSettings):
    """What workers write to standard error. ``NEEDLEDROP_LOG_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_LOG_")

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least important lines to write."""
    format: Literal["json", "text"] = "json"
    """One JSON object a line, or text for people."""


class ModelSettings(BaseSettings):
    """Which ensemble. ``NEEDLEDROP_MODELS_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_MODELS_")

    ensemble: Path | None = None
    """Folder with a manifest.json. None: the default ensemble, built at first use from the published weights."""
    folder: Path = Path(platformdirs.user_cache_dir("needledrop")) / "models"
    """Where the default ensemble is built, in a folder named for its version."""
    embedding: Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")] | None = None
    """MEMBER/OUTPUT, say MTT_musicnn/embedding: its mean over the patches travels in labels. None: no embedding.
    The same for extractor and classifier."""


class FeatureSettings(BaseSettings):
    """How audio features are given; the same for extractor and classifier. ``NEEDLEDROP_FEATURES_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_FEATURES_")

    enabled: bool = True
    """Whether the extractor, and `needledrop label`, compute the twelve audio features. Without them a track takes a
    seventh less time, and its label has no feature but the duration; silence and speech are `unsure` all the same."""
    calibration: Path | None = None
    """File that `needledrop features calibrate` wrote: brings danceability, energy and valence nearer to Spotify's.
    It is for one ensemble. The version of the features in events then names it, so earlier results are not used."""


class ExtractorSettings(BaseSettings):
    """The extractor's own. ``NEEDLEDROP_EXTRACTOR_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_EXTRACTOR_")

    n_processes: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that decode and analyse; 0: one a core."""
    n_fetches: Annotated[int, Field(ge=1, le=256)] = 8
    """Tracks that are fetched, or wait for a process, at the same time."""
    retry_budget_s: Annotated[float, Field(ge=0, le=60)] = 30.0
    """How long one track may be tried again after passing faults; its partition waits that long."""


class ClassifierSettings(BaseSettings):
    """The classifier's own. ``NEEDLEDROP_CLASSIFIER_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_CLASSIFIER_")

    n_threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Tracks that are classified at the same time, one core each; 0: one a core."""
