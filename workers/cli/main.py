"""`needledrop`: the command line. Commands are in the modules beside this one, by what a person wants."""

import sys
from typing import Annotated

import typer

from schemas.errors import InvalidSettingError, NeedledropError
from shared.lifecycle import EXIT_SETTINGS, EXIT_STOPPED
from shared.logs import start_logging
from shared.settings.workers import LogSettings
from workers.cli.administering import models, token, topics
from workers.cli.console import err, out
from workers.cli.data import data
from workers.cli.draining import drain, resume
from workers.cli.evaluating import evaluate
from workers.cli.failures import failures
from workers.cli.features import features
from workers.cli.finding import find
from workers.cli.heads import head
from workers.cli.labeling import label
from workers.cli.publishing import delete, get, submit, watch
from workers.cli.rebuilding import cache
from workers.cli.relabeling import relabel
from workers.cli.running import demo, up, worker
from workers.cli.top import top
from workers.cli.train import train

_EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="needledrop",
    help="Drop a track in; get its genres and its audio features out, as events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    up,
    label,
    submit,
    delete,
    watch,
    get,
    find,
    top,
    relabel,
    drain,
    resume,
    evaluate,
    worker,
    token,
):
    app.command()(command)
app.add_typer(topics, name="topics")
app.add_typer(models, name="models")
app.add_typer(failures, name="failures")
app.add_typer(features, name="features")
app.add_typer(cache, name="cache")
app.add_typer(head, name="head")
app.add_typer(data, name="data")
app.add_typer(train, name="train")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        out.print(f"needledrop {version('needledrop')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; a person's mistake is one line, without a trace."""
    # What the Kafka client has to say in between is for workers' logs; what matters reaches people as an error.
    start_logging(LogSettings(level="ERROR", format="text"))
    try:
        app()
    except InvalidSettingError as error:
        err.print(f"[red]needledrop:[/] {error}", markup=True)
        sys.exit(EXIT_SETTINGS)
    except NeedledropError as error:
        err.print(f"[red]needledrop:[/] {error}")
        sys.exit(EXIT_STOPPED)
    except KeyboardInterrupt:
        sys.exit(_EXIT_INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
