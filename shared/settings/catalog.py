"""What only the catalog needs."""

from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, NoDecode

from shared.settings.lists import listed
from shared.settings.loading import settings_config


class CatalogSettings(BaseSettings):
    """The catalog's own. ``NEEDLEDROP_CATALOG_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_CATALOG_")

    folder: Path = Path(platformdirs.user_state_dir("needledrop")) / "catalog"
    """Where the catalogue is kept. Each replica needs a folder of its own; catalog.duckdb in it may be removed while no
    catalog runs, and is then made anew from the topics; selections.json is what people saved, and no topic has it."""
    web_host: str = "127.0.0.1"
    """Address where API and page listen; 0.0.0.0 in a container. Name tokens before you open it to others."""
    web_port: Annotated[int, Field(ge=0, le=65535)] = 9420
    """Its port; 0 takes a free one and logs it."""
    callers: Annotated[
        frozenset[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]], NoDecode, listed(",")
    ] = frozenset()
    """SHA-256, in hexadecimal, of the tokens of those who may ask, comma-separated. None: whoever reaches the port may.
    `needledrop token` makes a token and its hash."""
    hosts: Annotated[frozenset[str], NoDecode, listed(","), Field(min_length=1)] = frozenset(("127.0.0.1", "localhost"))
    """Names by which it may be addressed, comma-separated, `*` for any: keeps other web sites from reaching it through
    a browser on this machine."""
    origins: Annotated[frozenset[str], NoDecode, listed(",")] = frozenset()
    """Web sites (https://example.org) whose pages may ask, comma-separated. None: only our own."""
    requests_per_s: Annotated[float, Field(gt=0, le=100_000)] = 50.0
    """Requests a second that one token or address may make over a while; what exceeds it is refused with 429."""
    audio: bool = True
    """Whether files of media roots are served as previews."""


class FindSettings(BaseSettings):
    """Which catalog `needledrop find` asks. ``NEEDLEDROP_FIND_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_FIND_")

    url: str = ""
    """Its address. None: that of `needledrop up` on this machine, else http://127.0.0.1:9420."""
    token: SecretStr = SecretStr("")
    """The token to ask with, where one is needed."""
