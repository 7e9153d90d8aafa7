"""What only the trends worker needs."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from shared.settings.loading import settings_config


class TrendsSettings(BaseSettings):
    """The trends worker's own. ``NEEDLEDROP_TRENDS_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_TRENDS_")

    web_host: str = "127.0.0.1"
    """Address where the view for people listens; 0.0.0.0 in a container. It asks for no password."""
    web_port: Annotated[int, Field(ge=0, le=65535)] = 9410
    """Its port; 0 takes a free one and logs it."""
    hours_kept: Annotated[int, Field(ge=2, le=720)] = 48
    """How many hours the counts by hour reach back. Counts by minute reach back one hour."""
