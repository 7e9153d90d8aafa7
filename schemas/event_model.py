"""What all event models share: immutable, tolerant of unknown fields, JSON in and out."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.errors import InvalidEventError

# A fault names where it is, and a key of a map that others filled may be as long as they like.
_SHOWN_CHARACTERS = 64


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first and last hours of the calendar
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


UtcTime = Annotated[AwareDatetime, AfterValidator(_as_utc)]
Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
# Ids travel in keys, headers, Redis keys and terminals: short, no control characters, no line separators.
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")
]
Text = Annotated[str, StringConstraints(max_length=1024)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class EventModel(BaseModel):
    """Frozen; unknown fields are ignored, so that an older reader takes a newer event."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Event(EventModel):
    """An event that is the value of a record."""

    ce_type: ClassVar[str]

    def to_json(self) -> bytes:
        """UTF-8 JSON; what is absent is left out."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_json(cls, value: bytes | str) -> Self:
        """Read one event.

        Raises: InvalidEventError, naming each field that is wrong and how.
        """
        try:
            return cls.model_validate_json(value)
        except ValidationError as error:
            raise InvalidEventError(f"not a {cls.__name__}: {_faults(error)}") from None


def _faults(error: ValidationError) -> str:
    """The first few faults, without the values: these may hold secrets."""
    faults: list[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in faults[:5]]
    if len(faults) > len(lines):
        lines.append(f"and {len(faults) - len(lines)} more")
    return "; ".join(lines)


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:_SHOWN_CHARACTERS] for part in parts) or "value"
