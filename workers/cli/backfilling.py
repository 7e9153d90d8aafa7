"""`submit --music4all|--jsonl|--csv`: many tracks at once, resumable, behind a bounded number of others."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from rich.markup import escape

from shared.kafka.submitting import Submitter
from shared.settings.loading import loaded
from shared.settings.stack import StackSettings
from workers.cli.bulk_rows import BadRow, Row, csv_rows, json_rows, music4all_rows, rows_of_file
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.journals import Journal
from workers.cli.settings import kafka_settings

# The journal moves by so many rows, and so many come twice after a kill, which changes nothing but the work.
_AT_ONCE: Final = 500
_SHOWN_FAULTS: Final = 20
_NEXT: Final = "after_line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the tracks are named; exactly one of these."""

    music4all: Path | None = None
    jsonl: Path | None = None
    csv: Path | None = None

    @property
    def is_named(self) -> bool:
        """Whether there is one."""
        return any((self.music4all, self.jsonl, self.csv))

    @property
    def path(self) -> Path:
        """The file or folder. Raises: typer.BadParameter unless it is one."""
        found = [path for path in (self.music4all, self.jsonl, self.csv) if path]
        if len(found) != 1:
            raise typer.BadParameter("name one of --music4all, --jsonl and --csv")
        return found[0]

    def rows(self) -> Iterator[Row]:
        """Its rows, as they are read."""
        if self.music4all:
            return music4all_rows(self.music4all)
        if self.jsonl:
            return rows_of_file(self.jsonl, json_rows)
        return rows_of_file(self.path, csv_rows)


def backfill(source: Source, *, outstanding: int) -> None:
    """Submit all that ``source`` names; go on where an earlier run of the same was stopped.

    Raises: InvalidSettingError, UnreachableError when the brokers do not take it.
    """
    path = source.path.resolve()
    kafka = kafka_settings()
    purpose = {"path": str(path), "changed": path.stat().st_mtime_ns if path.exists() else 0}
    journal = Journal.opened(
        loaded(StackSettings).state / "journals", "submit", purpose | {"brokers": kafka.bootstrap_servers}
    )
    done_before = journal.get(_NEXT, 0)
    if journal.begun:
        err.print(f"[dim]going on behind line {done_before}, where an earlier run was[/]")
    n_submitted = n_bad = 0
    with progress() as bar:
        task = bar.add_task("submitting", total=None)

        def waiting() -> None:
            bar.update(task, description="waiting for the extractor")

        with Submitter(kafka, max_outstanding=outstanding, on_wait=waiting) as submitter:
            for row in source.rows():
                if row.line <= done_before:
                    continue
                if isinstance(row, BadRow):
                    n_bad += 1
                    _report(row, n_bad)
                    continue
                submitter.submit(row.event)
                n_submitted += 1
                if n_submitted % _AT_ONCE == 0:
                    submitter.flush()
                    journal.note({_NEXT: row.line})
                    bar.update(task, completed=n_submitted, description="submitting")
    journal.finish()
    if piped():
        json_line({"submitted": n_submitted, "skipped": n_bad})
    else:
        out.print(f"{n_submitted} submitted" + (f", {n_bad} rows skipped" if n_bad else ""))


def _report(row: BadRow, n_bad: int) -> None:
    if n_bad <= _SHOWN_FAULTS:
        err.print(f"[yellow]line {row.line} skipped:[/] {escape(row.why)}")
    elif n_bad == _SHOWN_FAULTS + 1:
        err.print("[yellow]more rows are skipped; their number comes at the end[/]")
