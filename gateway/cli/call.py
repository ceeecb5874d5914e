"""One call of the command: the options every command has, and what a command needs to act on them.

A command is a function whose first parameter is a `Call`; `command` gives it the shared options, so that they are
declared once and stand behind the command's own words, where people write them.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from gateway.cli.output import print_json
from gateway.cli.programs import Programs

if TYPE_CHECKING:
    from config.settings import Settings
    from gateway.cli.client import Api

_PANEL: Final = "On every command"

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", envvar="VESTIBULE_CONFIG", help="The settings file.", rich_help_panel=_PANEL
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.", rich_help_panel=_PANEL)]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar="VESTIBULE_URL",
        help="REST API of a gateway elsewhere; without it the socket of this machine's.",
        rich_help_panel=_PANEL,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        envvar="VESTIBULE_TOKEN_FILE",
        help="File of mode 0600 with a service-account token, for --url.",
        rich_help_panel=_PANEL,
    ),
]

_LOCAL: Final[dict[str, tuple[object, object]]] = {"config": (Config, None), "as_json": (Json, False)}
_REMOTE: Final = {**_LOCAL, "url": (Url, None), "token_file": (TokenFile, None)}


class OutputClosed(Exception):
    """Nobody reads the output any more. Not an `OSError`, which Typer would handle in its own way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What stood on the command line for every command."""

    programs: Programs
    config: Path | None = None
    as_json: bool = False
    url: str | None = None
    token_file: Path | None = None

    def settings(self) -> "Settings":
        """The settings. Raises `ConfigError`."""
        from config.load import load

        return load(self.config)

    def api(self) -> "Api":
        """The REST API, by URL or by this machine's socket. Raises `ConfigError`. Close it after use."""
        from gateway.cli.client import connect

        return connect(self)

    def show(self, value: object, people: Callable[[], None]) -> None:
        """The answer: `value` as JSON, or what `people` prints."""
        if self.as_json:
            print_json(value)
        else:
            people()


def command(
    app: typer.Typer, name: str, *, remote: bool = False, **options: Any
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Register a function as a command. Its first parameter is the `Call`; what it returns is the exit status.

    `remote`: the command talks to a gateway, so it also takes --url and --token-file.
    """
    shared = _REMOTE if remote else _LOCAL

    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        def run(ctx: typer.Context, **values: Any) -> None:
            call = Call(programs=ctx.obj, **{key: values.pop(key) for key in shared})
            try:
                status = function(call, **values)
                sys.stdout.flush()
            except BrokenPipeError as error:
                raise OutputClosed from error
            if status:
                raise typer.Exit(status)

        hints = get_type_hints(function, include_extras=True)
        own = [part.replace(annotation=hints[part.name]) for part in inspect.signature(function).parameters.values()]
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [
            inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
            *(part.replace(kind=keyword) for part in own[1:]),
            *(inspect.Parameter(key, keyword, annotation=kind, default=value) for key, (kind, value) in shared.items()),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {part.name: part.annotation for part in parameters}
        run.__doc__, run.__name__, run.__module__ = function.__doc__, function.__name__, function.__module__
        app.command(name, **options)(run)
        return function

    return register


def group(name: str, summary: str) -> typer.Typer:
    """A command that has commands below it."""
    return typer.Typer(name=name, help=summary, no_args_is_help=True)
