"""What a front end is: the numbers that turn samples into what a network was trained on.

A front end is data: a network that wants 128 bands in dB instead names its own in the manifest, without new code.
Everything that the numbers leave open is librosa's default: a periodic Hann window, centred frames, zeros outside the
signal, power 2, mel bands on Slaney's scale with Slaney's norm from 0 Hz to half the sample rate.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, get_args

from schemas.errors import InvalidSettingError

Compression: TypeAlias = Literal["log10_10k", "db"]
Transport: TypeAlias = Literal["float16", "float32"]

LOWEST_DB_POWER = 1e-10  # librosa.power_to_db's amin; float16 ends at 6e-8, so dB cannot travel in it
_NUMBERS = ("sample_rate_hz", "n_fft", "hop_length", "n_bands")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """How mel power is computed, how it travels, and how it is compressed before a network sees it.

    Raises: InvalidSettingError when a value is not supported; the message names the field.
    """

    name: str
    sample_rate_hz: int = 16_000
    n_fft: int = 512  # samples in a frame
    hop_length: int = 256  # samples from one frame to the next
    n_bands: int = 96
    compression: Compression = "log10_10k"  # log10(10,000 power + 1), or decibels below 1
    transport: Transport = "float16"  # the dtype that mel power is rounded to and travels in

    def __post_init__(self) -> None:
        for field in _NUMBERS:
            value: object = getattr(self, field)
            if type(value) is not int or value < 1:
                self._refuse(field, "a whole number above 0")
        if not self.name:
            self._refuse("name", "a name")
        if self.compression not in get_args(Compression):
            self._refuse("compression", " or ".join(get_args(Compression)))
        if self.transport not in get_args(Transport):
            self._refuse("transport", " or ".join(get_args(Transport)))
        if self.n_fft % 2 or self.hop_length > self.n_fft:
            self._refuse("n_fft", "an even number, not below hop_length")
        if self.n_bands > self.n_fft // 2:
            self._refuse("n_bands", "at most half of n_fft: more bands than that are empty")
        if self.compression == "db" and self.transport == "float16":
            self._refuse("transport", f"float32 with the compression db, which needs powers down to {LOWEST_DB_POWER}")

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop_length / self.sample_rate_hz

    def as_json(self) -> dict[str, str | int]:
        """All fields, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """A front end from what `as_json` wrote; what is absent has its default.

        Raises: InvalidSettingError for a field that we do not know, since to ignore one is to compute something else.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(fields) - known):
            raise InvalidSettingError(f"front end {fields.get('name')!r}: the field {unknown[0]} is not supported")
        return cls(**{"name": "", **fields})  # type: ignore[arg-type]  # __post_init__ looks at every value

    def _refuse(self, field: str, expected: str) -> None:
        raise InvalidSettingError(f"front end {self.name!r}: {field}={getattr(self, field)!r}, need {expected}")


MUSICNN_96 = FrontEnd(name="musicnn_96")  # of the four published networks: Pons & Serra, arXiv:1909.06654
