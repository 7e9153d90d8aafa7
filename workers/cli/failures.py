"""`failures list|show|replay`: what ended without a label, and another try for it."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from schemas.errors import FailureReason, InvalidEventError
from schemas.topics import TRACKS_FAILED
from shared.kafka.following import following
from shared.redis.views import TrackViews
from shared.settings.kafka import KafkaSettings
from workers.cli.console import err, json_line, out, piped
from workers.cli.failed_tracks import Failure, Wanted, replayable
from workers.cli.periods import period
from workers.cli.publishing import EXIT_UNKNOWN
from workers.cli.replaying import Replays
from workers.cli.settings import kafka_settings, redis_settings
from workers.cli.showing import show_view

failures = typer.Typer(help="Submissions that ended without a label.", no_args_is_help=True)

Reason = Annotated[
    FailureReason | None, typer.Option(metavar="REASON", help="Only with this reason, like unreachable.")
]
Since = Annotated[str | None, typer.Option(metavar="PERIOD", help="Only of the last 90s, 10m, 2h, 7d.")]
Track = Annotated[str | None, typer.Option("--track", metavar="TRACK_ID", help="Only of this track.")]


@failures.command("list")
def list_failures(
    reason: Reason = None,
    since: Since = None,
    track: Track = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The newest so many only.")] = None,
) -> None:
    """List failures, the newest last. They are kept for 30 days."""
    found = failures_found(kafka_settings(), wanted(reason, since, track))
    shown = found[-limit:] if limit else found
    if piped():
        for failure in shown:
            json_line(failure.event.to_json().decode())
        return
    table = Table("failed at", "track", "reason", "stage", "tries", "message", box=None, padding=(0, 2, 0, 0))
    for failure in shown:
        event = failure.event
        table.add_row(
            f"{event.failed_at.astimezone():%Y-%m-%d %H:%M:%S}",
            Text(event.track_id),
            Text(event.reason, style="red"),
            event.stage,
            str(event.attempts),
            Text(event.message),
        )
    if shown:
        out.print(table)
    more = f", the newest {len(shown)} shown" if len(shown) < len(found) else ""
    err.print(f"{len(found)} failures{more}")


@failures.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(metavar="TRACK_ID|COORDINATES", help="A track, or its submission as topic:partition:offset."),
    ],
) -> None:
    """Show all that is known about a track's failures, the newest last. Exit code 3 when there is none."""
    found = [
        failure
        for failure in failures_found(kafka_settings(), Wanted())
        if name in (failure.event.track_id, str(failure.event.coordinates))
    ]
    for failure in found:
        value = failure.event.to_json().decode()
        if piped():
            json_line(value)
        else:
            out.print(Text(f"{failure.event.reason}", style="red"))
            show_view(json.loads(value))
    if not found:
        err.print(f"no failure of {name!r}: it never failed, or more than 30 days ago")
        raise typer.Exit(EXIT_UNKNOWN)


@failures.command("replay")
def replay(
    reason: Reason = None,
    since: Since = None,
    track: Track = None,
    every: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="Go on: replay what was unreachable this often, until it is not."),
    ] = None,
    attempts: Annotated[int, typer.Option(min=1, help="With --every: so many times at most.")] = 6,
) -> None:
    """Submit failed tracks again, the last failure of each; none that has a newer submission or was deleted.

    Such a replay is conditional: what is submitted or deleted before its turn comes makes it end as `superseded`.
    """
    if every and reason not in (None, FailureReason.UNREACHABLE):
        raise typer.BadParameter("--every replays what was unreachable, and nothing else")
    which = wanted(FailureReason.UNREACHABLE if every else reason, since, track)
    kafka = kafka_settings()
    open_failures = [one for one in replayable(failures_found(kafka, Wanted())) if one in which]
    with Replays(kafka, TrackViews(redis_settings())) as replays:
        if every:
            replays.until_reachable(open_failures, every_s=period(every).total_seconds(), attempts=attempts)
        else:
            replays.submit(open_failures)


def wanted(reason: FailureReason | None, since: str | None, track_id: str | None) -> Wanted:
    """The filters as a person gave them. Raises: typer.BadParameter."""
    return Wanted(reason and reason.value, datetime.now(UTC) - period(since) if since else None, track_id)


def failures_found(kafka: KafkaSettings, which: Wanted) -> list[Failure]:
    """The failures that the topic has now, in the order in which they happened.

    Raises: InvalidSettingError when the brokers do not answer.
    """
    found = []
    with following(kafka, [TRACKS_FAILED.name], from_start=True) as follower:
        for record in follower.to_the_end():
            try:
                failure = Failure.of(record)
            except InvalidEventError as error:
                err.print(f"[yellow]not an event of ours at {record.coordinates}: {error}[/]")
                continue
            if failure in which:
                found.append(failure)
    return sorted(found, key=lambda failure: failure.event.failed_at)
