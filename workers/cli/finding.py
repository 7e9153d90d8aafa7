"""`find`: a selection, asked of the running catalog."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from schemas.errors import InvalidSettingError, UnreachableError
from shared.settings.catalog import CatalogSettings, FindSettings
from shared.settings.loading import loaded
from shared.settings.stack import StackSettings
from workers.cli.console import err, json_line, out, piped
from workers.cli.label_lines import bar
from workers.cli.stack import running_stack

_WITHIN_S: Final = 60.0
_PAGE: Final = 200
_BAR_CELLS: Final = 10
# The one name that is short here and long there.
_NAMES: Final = {"duration": "duration_ms"}

Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--range", metavar="NAME=LOW..HIGH", help="Any number of a label, like danceability=0.6..; repeat it."
    ),
]


def find(
    genre: Annotated[
        list[str] | None, typer.Option(help="The most likely genre; repeat it for any of several.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A mood, instrument, voice or era; repeat it for all.")] = None,
    text: Annotated[str, typer.Option(help="Words of title, artist or album.")] = "",
    tempo: Annotated[str, typer.Option(metavar="LOW..HIGH", help="Beats a minute; either end may be left out.")] = "",
    energy: Annotated[str, typer.Option(metavar="LOW..HIGH", help="0 calm to 1 intense.")] = "",
    valence: Annotated[str, typer.Option(metavar="LOW..HIGH", help="0 sad to 1 happy.")] = "",
    year: Annotated[str, typer.Option(metavar="LOW..HIGH", help="Of release.")] = "",
    ranges: Ranges = None,
    sure: Annotated[bool, typer.Option("--sure", help="Leave out what nothing is likely enough for.")] = False,
    like: Annotated[str, typer.Option(metavar="TRACK_ID", help="Most like this track first.")] = "",
    sort: Annotated[str, typer.Option(help="A number, title, artist or album; -NAME is descending.")] = "-labeled_at",
    limit: Annotated[int, typer.Option(min=1, max=200_000, help="At most so many.")] = 20,
    save: Annotated[str, typer.Option(metavar="NAME", help="Save the selection under this name, too.")] = "",
    saved: Annotated[str, typer.Option(metavar="NAME", help="Of this saved selection.")] = "",
    export: Annotated[
        str, typer.Option(metavar="FORMAT", help="m3u8, jspf, csv, json or parquet, to standard output.")
    ] = "",
) -> None:
    """Tracks by genre, tags, features and text, from the running catalog; JSON lines when piped."""
    question: dict[str, Any] = {"genre": genre or [], "tag": tag or []}
    for name, span in (("tempo", tempo), ("energy", energy), ("valence", valence), ("year", year)):
        question |= _bounds(name, span)
    for one in ranges or []:
        name, equals, span = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"{one}: want NAME=LOW..HIGH", param_hint="--range")
        question |= _bounds(name, span)
    question |= {"text": text} if text else {}
    question |= {"unsure": "false"} if sure else {}
    if save:
        if like or saved:
            raise typer.BadParameter("--like and --saved cannot be saved", param_hint="--save")
        written = question | ({"unsure": False} if sure else {})
        _json(f"/api/selections/{urllib.parse.quote(save, safe='')}", {}, body=written)
    question |= {"saved": saved} if saved else {}
    if export:
        with _asked("/api/export", question | {"format": export, "sort": sort, "limit": limit}) as answer:
            sys.stdout.buffer.write(answer.read())
        return
    if like:
        items = iter(_json("/api/similar", question | {"id": like, "limit": min(limit, 100)})["items"])
    else:
        items = _pages(question | {"sort": sort}, limit)
    n_shown = 0
    for n_shown, item in enumerate(items, start=1):  # noqa: B007 - used behind the loop
        _show(item)
    if not n_shown:
        err.print("[yellow]no track is like that[/]")


def _bounds(name: str, span: str) -> dict[str, float]:
    """The parameters of `90..120`, `..120`, `90..` or `90`."""
    if not span:
        return {}
    low, dots, high = span.partition("..")
    high = high if dots else low
    ends = {"min": low.strip(), "max": high.strip()}
    try:
        return {f"{side}_{_NAMES.get(name, name)}": float(end) for side, end in ends.items() if end}
    except ValueError:
        raise typer.BadParameter(f"{span}: want LOW..HIGH", param_hint=f"--{name}") from None


def _pages(question: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while limit > 0 and cursor is not None:
        more = {"limit": min(limit, _PAGE)} | ({"cursor": cursor} if cursor else {})
        page = _json("/api/tracks", question | more)
        yield from page["items"]
        limit -= len(page["items"])
        cursor = page["next"]


def _show(item: dict[str, Any]) -> None:
    if piped():
        json_line(item)
        return
    name = " by ".join(part for part in (item["title"], item["artist"]) if part)
    features = item["features"]
    details = [item["genre"] or "no genre", *item["tags"][:3]]
    details += [f"{features['tempo']:.0f} BPM"] if features["tempo"] else []
    details += item.get("reasons", [])
    colour = "yellow" if item["unsure"] else "green"
    out.print(f"[{colour}]{bar(item['confidence'], _BAR_CELLS)}[/] [bold]{escape(item['id'])}[/]  {escape(name)}")
    out.print(f"[dim]           {escape(', '.join(details))}[/]")


def _json(path: str, question: dict[str, Any], body: object = None) -> Any:  # noqa: ANN401 - whatever it answers
    with _asked(path, question, body) as answer:
        return json.load(answer)


def _asked(path: str, question: dict[str, Any], body: object = None) -> Any:  # noqa: ANN401 - an open answer of urllib's
    """The answer to GET, or with a body to PUT."""
    settings = loaded(FindSettings)
    address = settings.url or _address()
    token = settings.token.get_secret_value()
    request = urllib.request.Request(  # noqa: S310 - an address of whoever asks
        f"{address.rstrip('/')}{path}?{urllib.parse.urlencode(question, doseq=True)}",
        headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        data=None if body is None else json.dumps(body).encode(),
        method="GET" if body is None else "PUT",
    )
    try:
        return urllib.request.urlopen(request, timeout=_WITHIN_S)  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        raise InvalidSettingError(f"the catalog at {address} refuses: {_message(error)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(
            f"no catalog answers at {address} (NEEDLEDROP_FIND_URL): {reason}; `needledrop up` runs one"
        ) from None


def _address() -> str:
    stack = running_stack(loaded(StackSettings).state) if "NEEDLEDROP_CATALOG_WEB_PORT" not in os.environ else None
    return f"http://127.0.0.1:{stack.catalog_port if stack else loaded(CatalogSettings).web_port}"


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
