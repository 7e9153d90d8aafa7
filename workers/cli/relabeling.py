"""`relabel`: tracks whose labels are of an older ensemble, or older features, are submitted again."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from schemas.errors import InvalidEventError
from schemas.topics import TRACKS_LABELED
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.kafka.submitting import Submitter
from shared.redis.views import TrackViews
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.stack import StackSettings
from shared.settings.workers import FeatureSettings
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.ensembles import chosen_ensemble
from workers.cli.journals import Journal
from workers.cli.relabels import Condition, Stale, WantedLabels, relabel_of
from workers.cli.settings import kafka_settings, redis_settings

# Labels that are looked up and submitted together; the journal moves by so many, and so many come twice after a kill.
_AT_ONCE: Final = 200
# Fewer than a bulk submit: nobody waits for a relabel. Twelve extractors of two cores work on 120 at a time.
_OUTSTANDING: Final = 500


@dataclass(slots=True)
class Counts:
    """What became of the labels so far."""

    looked_at: int = 0
    submitted: int = 0
    overtaken: int = 0
    """Their track has a newer outcome already."""
    gone: int = 0
    """Their URI held a secret, and the submission that had it is no longer kept."""


def relabel(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--ensemble-older-than", metavar="VERSION", help="Labels of ensembles before this one. Without: any other."
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Only labels like unsure=true, submission.year=1959."),
    ] = None,
    outstanding: Annotated[
        int, typer.Option(min=2, help="At most so many tracks wait for the extractor: live tracks wait behind them.")
    ] = _OUTSTANDING,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Label again what an older ensemble, or older features, labeled. The pipeline must run the new ones already.

    A relabel is conditional: what is submitted or deleted before its turn comes makes it end as `superseded`. After a
    stop, the same command goes on where it was.
    """
    try:
        conditions = tuple(Condition.parse(text) for text in where or ())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    wanted = _wanted(older_than, conditions)
    kafka = kafka_settings()
    purpose = {"brokers": kafka.bootstrap_servers, "wanted": asdict(wanted)}
    journal = None if dry_run else Journal.opened(loaded(StackSettings).state / "journals", "relabel", purpose)
    with progress() as bar, closing(RangeReader(kafka)) as originals, ExitStack() as parts:
        task = bar.add_task("relabeling", total=None)

        def waiting() -> None:
            bar.update(task, description="waiting for the extractor")

        submitter = (
            parts.enter_context(Submitter(kafka, max_outstanding=outstanding, on_wait=waiting)) if journal else None
        )
        relabeling = Relabeling(kafka, TrackViews(redis_settings()), wanted, originals, submitter, journal)
        for done, total in relabeling.run():
            bar.update(task, completed=done, total=total, description="relabeling")
    counts = relabeling.counts
    if piped():
        json_line(asdict(counts) | {"dry_run": dry_run})
        return
    out.print(
        f"{counts.submitted} of {counts.looked_at} labels {'would be ' if dry_run else ''}submitted again"
        + (f"; {counts.overtaken} have a newer outcome" if counts.overtaken else "")
        + (f"; {counts.gone} cannot be: their URI is not known any more, submit them yourself" if counts.gone else "")
    )


def _wanted(older_than: str | None, conditions: tuple[Condition, ...]) -> WantedLabels:
    if older_than is not None:
        return WantedLabels(older_than=older_than, conditions=conditions)
    from shared.features.calibration import load_calibration, result_version
    from shared.features.values import NO_FEATURES

    ensemble, _ = chosen_ensemble()
    features = loaded(FeatureSettings)
    calibration = load_calibration(features.calibration, ensemble.digest)
    return WantedLabels(
        ensemble_digest=ensemble.digest,
        features_version=result_version(calibration) if features.enabled else NO_FEATURES,
        conditions=conditions,
    )


class Relabeling:
    """Goes once through the labels that there are when it begins."""

    def __init__(
        self,
        kafka: KafkaSettings,
        views: TrackViews,
        wanted: WantedLabels,
        originals: RangeReader,
        submitter: Submitter | None,
        journal: Journal | None,
    ) -> None:
        """Only count without a ``submitter``; ``journal`` says where an earlier run was."""
        self._kafka = kafka
        self._views = views
        self._wanted = wanted
        self._originals = originals
        self._submitter = submitter
        self._journal = journal
        self.counts = Counts()

    def run(self) -> Iterator[tuple[int, int]]:
        """Submit what is wanted; yields how many offsets are done, and of how many.

        Raises: InvalidSettingError, UnreachableError when the brokers do not answer, CacheUnavailableError.
        """
        with closing(RangeReader(self._kafka)) as labels:
            stretches = self._stretches(labels.bounds(TRACKS_LABELED.name))
            total = sum(end - start for start, end in stretches.values())
            before = 0
            for partition, (start, end) in stretches.items():
                for offset in self._partition(labels, partition, start, end):
                    yield before + offset - start, total
                before += end - start
                yield before, total
        if self._journal:
            self._journal.finish()

    def _stretches(self, bounds: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
        """What is to be looked at of each partition: an earlier run's rest, else all that there is now."""
        if self._journal is None:
            return dict(bounds)
        if self._journal.begun:
            err.print("[dim]going on where an earlier run was[/]")
        ends = {n: self._journal.get(f"end_{n}", high) for n, (_, high) in bounds.items()}
        self._journal.note({f"end_{n}": end for n, end in ends.items()})
        starts = {n: max(low, self._journal.get(f"next_{n}", low)) for n, (low, _) in bounds.items()}
        return {n: (starts[n], max(starts[n], ends[n])) for n in bounds}

    def _partition(self, labels: RangeReader, partition: int, start: int, end: int) -> Iterator[int]:
        """The offsets, as they are done with."""
        batch: list[Stale] = []
        for record in labels.between(TRACKS_LABELED.name, partition, start, end):
            stale = self._stale(record)
            if stale:
                batch.append(stale)
            if len(batch) == _AT_ONCE:
                self._submit(batch)
                batch = []
                self._note(partition, record.offset + 1)
            yield record.offset + 1
        self._submit(batch)
        self._note(partition, end)

    def _note(self, partition: int, offset: int) -> None:
        if self._journal:
            self._journal.note({f"next_{partition}": offset})

    def _stale(self, record: Record) -> Stale | None:
        self.counts.looked_at += record.value is not None
        try:
            return self._wanted.stale(record)
        except InvalidEventError as error:
            err.print(f"[yellow]not an event of ours at {record.coordinates}: {error}[/]")
            return None

    def _submit(self, batch: Sequence[Stale]) -> None:
        """Submit those that are still their track's last word; they are durable when it returns."""
        for stale in self._still_standing(batch):
            original = self._originals.at(stale.label.submission.coordinates) if stale.needs_original else None
            event = relabel_of(stale, original=original, submission_id=str(uuid.uuid4()), at=datetime.now(UTC))
            if event is None:
                self.counts.gone += 1
                err.print(f"gone: the submission of {stale.label.track_id!r} at {stale.label.submission.coordinates}")
                continue
            self.counts.submitted += 1
            if self._submitter:
                self._submitter.submit(event)
        if self._submitter:
            self._submitter.flush()

    def _still_standing(self, batch: Sequence[Stale]) -> list[Stale]:
        newest = {
            track_id: position for track_id, position, _ in self._views.positions({one.label.track_id for one in batch})
        }
        standing = [one for one in batch if newest.get(one.label.track_id, one.position) <= one.position]
        self.counts.overtaken += len(batch) - len(standing)
        return standing
