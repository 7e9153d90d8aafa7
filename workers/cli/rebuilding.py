"""`cache rebuild`: every view again, from the topics."""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import typer
from rich.progress import Progress

from schemas.errors import InvalidEventError
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.redis.views import TrackViews, View, ViewKind
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.settings import kafka_settings, redis_settings
from workers.projector.handler import view_of

cache = typer.Typer(help="What Redis remembers.", no_args_is_help=True)

# Views in one round trip to Redis.
_AT_ONCE: Final = 512


@cache.command("rebuild")
def rebuild() -> None:
    """Write every view again from the label and failure topics, and remove those of tracks that are in neither.

    The pipeline may run meanwhile: positions decide, here as in the projector.
    """
    views = TrackViews(redis_settings())
    with closing(RangeReader(kafka_settings())) as topics, progress() as bar:
        # Before the topics: a view that was there already comes from a record that we will see, if it still is there.
        known = {
            track_id: position
            for track_id, position, kind in views.positions(views.track_ids())
            if kind is not ViewKind.DELETED  # expires by itself
        }
        n_views = n_written = 0
        batch: list[View] = []
        for view in _views(topics, bar):
            n_views += 1
            known.pop(view.track_id, None)
            batch.append(view)
            if len(batch) == _AT_ONCE:
                n_written += views.write(batch)
                batch = []
        n_written += views.write(batch)
        n_removed = views.remove(known.items())
    if piped():
        json_line({"records": n_views, "written": n_written, "removed": n_removed})
    else:
        out.print(f"{n_views} outcomes read, {n_written} views written, {n_removed} removed")


def _views(topics: RangeReader, bar: Progress) -> Iterator[View]:
    """The views of all that the topics hold now."""
    ranges = [
        (topic.name, partition, low, high)
        for topic in (TRACKS_LABELED, TRACKS_FAILED)
        for partition, (low, high) in topics.bounds(topic.name).items()
    ]
    task = bar.add_task("rebuilding", total=sum(high - low for *_, low, high in ranges))
    done = 0
    for topic, partition, low, high in ranges:
        for record in topics.between(topic, partition, low, high):
            bar.update(task, completed=done + record.offset - low)
            view = _view(record)
            if view:
                yield view
        done += high - low
        bar.update(task, completed=done)


def _view(record: Record) -> View | None:
    try:
        return view_of(record)
    except InvalidEventError as error:
        err.print(f"[yellow]not an event of ours at {record.coordinates}: {error}[/]")
        return None
