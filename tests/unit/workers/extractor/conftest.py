import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pytest


@pytest.fixture
def as_file() -> Iterator[Callable[[bytes], BinaryIO]]:
    opened: list[BinaryIO] = []

    def write(content: bytes) -> BinaryIO:
        file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        opened.append(file)
        file.write(content)
        file.flush()
        return opened[-1]

    yield write
    for file in opened:
        file.close()
