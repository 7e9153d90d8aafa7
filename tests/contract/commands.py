"""Commands as deployments have them, run without the world that they would work on."""

from collections.abc import Iterator, Sequence
from unittest.mock import patch

from typer.testing import CliRunner

from workers.cli.main import app


def faults_of_command(arguments: Sequence[str]) -> Iterator[str]:
    """What `needledrop` says against ``arguments``; no worker runs, no broker is asked."""
    with (
        patch("workers.cli.running.run_until_signal", return_value=0),
        patch("workers.cli.running.start_logging"),
        patch("workers.cli.administering.create_topics", return_value=[]),
        patch("workers.cli.administering.offsets_kept_ms", return_value=None),  # would wait for a broker
    ):
        result = CliRunner().invoke(app, arguments)
    if result.exit_code != 0:
        yield f"needledrop {' '.join(arguments)}: {result.output}"
