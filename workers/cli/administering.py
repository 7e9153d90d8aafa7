"""`topics create`, `models build|list|verify`: what operators do before and beside the workers."""

import secrets
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from schemas.errors import InvalidSettingError
from schemas.taxonomy import default_taxonomy
from schemas.topics import DAY_MS, DEFAULT_PARTITIONS, OFFSETS_KEPT_MS, TOPICS
from shared.kafka.admin import create_topics, offsets_kept_ms
from shared.models.manifest import PROBABILITIES, Ensemble, Member, load_ensemble
from shared.settings.loading import loaded
from shared.settings.workers import ModelSettings
from workers.cli.console import err, json_line, out, piped
from workers.cli.demo_music import demo_music
from workers.cli.ensembles import ensemble_folder
from workers.cli.settings import kafka_settings

topics = typer.Typer(help="The Kafka topics, as the code declares them.", no_args_is_help=True)
models = typer.Typer(help="The ensemble of networks.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Argument(help="Folder of the ensemble; the settings' one when left out.")]


@topics.command("create")
def create(
    partitions: Annotated[int, typer.Option(min=1, help="Of each topic: so many workers can share a stage.")] = (
        DEFAULT_PARTITIONS
    ),
    replication: Annotated[int, typer.Option(min=1, help="Brokers that keep each record; 3 in production.")] = 1,
) -> None:
    """Create the topics that are missing; say what differs in the others. Run it as often as you like."""
    settings = kafka_settings()
    if settings.embedded:
        err.print("the embedded broker has its topics already")
        return
    for state in create_topics(settings, TOPICS, n_partitions=partitions, replication=replication):
        if piped():
            json_line({"topic": state.name, "created": state.created, "partitions": state.n_partitions})
        else:
            out.print(f"{'created' if state.created else 'exists '}  {state.name}  {state.n_partitions} partitions")
        for name, (declared, found) in state.differences.items():
            err.print(f"[yellow]{state.name}: {name} is {found}, declared is {declared}; left as it is[/]")
    kept_ms = offsets_kept_ms(settings)
    if kept_ms is not None and kept_ms < OFFSETS_KEPT_MS:
        err.print(
            f"[yellow]{kept_ms / DAY_MS:.0f} days after the last worker has stopped the brokers forget its place; it "
            "would label all submissions that are kept once more. Set offsets.retention.minutes to "
            f"{OFFSETS_KEPT_MS // 60_000} (docs/reliability.md)[/]"
        )


@models.command("build")
def build(
    folder: Folder = None,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="The graphs as published: four times slower.")] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="In 8 bits: twice as fast as the default, off by a hundredth. Needs FOLDER.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(metavar="MUSIC", help="With --int8: music to be good at; else a demo track."),
    ] = None,
    expose: Annotated[
        list[str] | None,
        typer.Option(metavar="MEMBER/OUTPUT", help="Also give this embedding, say MSD_musicnn/pools; `all` has all."),
    ] = None,
) -> None:
    """Build the default ensemble from the published weights, and verify it."""
    # ONNX takes half a second to load.
    from shared.models.builder import build_default, compiled_files, default_folder, exposures, plain_files

    if calibrate and not int8:
        raise InvalidSettingError("--calibrate is for networks in 8 bits: say --int8, too")
    if int8:
        _build_int8(folder, calibrate, other_options=plain or bool(expose))
        return
    if expose and folder is None:
        raise InvalidSettingError("--expose makes another ensemble than the default one: name its FOLDER")
    exposed = exposures(expose or ())
    target = folder or default_folder(loaded(ModelSettings).folder)
    with err.status("Compiling, and comparing with the published networks"):
        ensemble = build_default(target, plain_files(exposed) if plain else compiled_files(exposed))
    out.print(f"{ensemble.version}: {len(ensemble.members)} members in {target}")
    for member, role in exposed:
        out.print(f"exposed: {member}/{role}")


def _build_int8(folder: Path | None, music: Path | None, *, other_options: bool) -> None:
    from shared.models.builder import INT8_VERSION, build_default, int8_files
    from workers.cli.calibration_music import calibration_patches

    if folder is None or other_options:
        raise InvalidSettingError(
            "--int8 makes an ensemble that is not the default one: name its FOLDER, and nothing else"
        )
    with err.status("Calibrating on music and on sounds that are none (a minute)"):
        files, error = int8_files(calibration_patches(music or demo_music()))
        ensemble = build_default(folder, files, version=INT8_VERSION, error=error)
    out.print(f"{ensemble.version}: {len(ensemble.members)} members in {folder}")
    out.print(
        f"off by {error['patch_max']:.3f} at most on 3 s of music that it was not calibrated on, "
        f"{error['patch_mean']:.4f} in the mean"
    )
    out.print(f"To use it: NEEDLEDROP_MODELS_ENSEMBLE={folder}")


@models.command("verify")
def verify(folder: Folder = None) -> None:
    """Check the manifest, each file's hash, and that each network runs."""
    from shared.models.sessions import RunningEnsemble

    target = ensemble_folder(folder)
    ensemble = load_ensemble(target)
    RunningEnsemble(ensemble, target)
    out.print(f"{ensemble.version} in {target} is whole: digest {ensemble.digest}")


@models.command("list")
def list_members(folder: Folder = None) -> None:
    """Show the members, where they come from, and which genres the ensemble can hear."""
    ensemble = load_ensemble(ensemble_folder(folder))
    heard = _genres_heard(ensemble)
    deaf = [genre for genre in default_taxonomy().genre_names if genre not in heard]
    if piped():
        json_line(
            {
                "version": ensemble.version,
                "digest": ensemble.digest,
                "members": [m.name for m in ensemble.members],
                "can_hear": heard,
                "cannot_hear": deaf,
            }
        )
        return
    out.print(f"[bold]{ensemble.version}[/]  [dim]digest {ensemble.digest}[/]")
    for member in ensemble.members:
        out.print(f"\n[bold]{member.name}[/]  {_described(member)}")
        out.print(f"  [dim]{escape(member.licence)}; {escape(member.source)}[/]")
    out.print()
    out.print(f"can hear     {', '.join(heard)}")
    out.print(f"cannot hear  {', '.join(deaf) or 'none of the taxonomy'}" + (" (never guessed)" if deaf else ""))


def _described(member: Member) -> str:
    hears = member.front_end or ", ".join(map(str, member.input_from or ()))
    gives = ", ".join(role for role in member.outputs if role != PROBABILITIES)
    return f"{len(member.tags)} tags, weight {member.weight:g}, hears {hears}" + (f", gives {gives}" if gives else "")


def _genres_heard(ensemble: Ensemble) -> list[str]:
    taxonomy = default_taxonomy()
    heard = {genre for member in ensemble.members for genre in taxonomy.can_hear(member.tags, member.vocabulary or "")}
    return [genre for genre in taxonomy.genre_names if genre in heard]


def token() -> None:
    """Make a token for the catalog's API, and the hash that NEEDLEDROP_CATALOG_CALLERS wants."""
    made = secrets.token_urlsafe(32)
    fields = {"token": made, "hash": sha256(made.encode()).hexdigest()}
    if piped():
        json_line(fields)
        return
    out.print(f"token  {fields['token']}    (for whoever asks: Authorization: Bearer ...; it is kept nowhere)")
    out.print(f"hash   {fields['hash']}    (for NEEDLEDROP_CATALOG_CALLERS)")
