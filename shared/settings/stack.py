"""Where the stack that `needledrop up` and `demo` start keeps its files."""

from pathlib import Path

import platformdirs
from pydantic_settings import BaseSettings

from shared.settings.loading import settings_config


class StackSettings(BaseSettings):
    """The stack of `needledrop up` and `needledrop demo`. ``NEEDLEDROP_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_")

    state: Path = Path(platformdirs.user_state_dir("needledrop"))
    """Folder for the files of Redis and of a durable Kafka, for logs, and for the addresses that other commands
    read."""
