"""How long each step took."""

from schemas.event_model import EventModel, NotNegative


class Timings(EventModel):
    """Seconds of wall time a step; a step that was not needed is absent."""

    fetch_s: NotNegative | None = None
    """Opening and reading the bytes, with retries."""
    analyse_s: NotNegative | None = None
    """Decoding and signal analysis, in a worker process."""
    inference_s: NotNegative | None = None
    """All networks over all patches."""
