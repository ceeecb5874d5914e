"""`vestibule signer init|serve|key`: the process that signs the log's checkpoints, of its own user and state.

It needs no settings file and no gateway. Counterparts: `audit.signing.server`; the gateway finds it by the setting
`[evidence] signer_socket`.
"""

import asyncio
import grp
import os
import pwd
import signal
from pathlib import Path
from typing import Annotated, Final

import typer

from config.errors import ConfigError
from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.output import print_record

_PANEL: Final = "The evidence and the rules"

State = Annotated[Path, typer.Option("--state", metavar="DIR", help="The signer's own private directory.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    signer = group("signer", "Sign the log's checkpoints in a process and with a user of its own.")
    command(signer, "init")(init)
    command(signer, "serve")(serve)
    command(signer, "key")(key)
    app.add_typer(signer, rich_help_panel=_PANEL)


def init(
    call: Call,
    *,
    state: State,
    origin: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the log: logs.<tenant>, a random part is added.")
    ] = "logs.isp",
    take_over: Annotated[
        Path | None,
        typer.Option(
            "--take-over", metavar="DIR", help="Move key and state here from a stopped gateway's directory of keys."
        ),
    ] = None,
) -> None:
    """Make a signer: its keys and an empty state; or take over those of a gateway that has signed for itself so far.

    Afterwards give the directory to the signer's user, and set evidence.signer_socket in the gateway's settings.
    """
    from audit.signing import handover, opening
    from audit.signing.key_files import SEED_FILE, open_file_signer

    if take_over is not None:
        handover.take_over(take_over, state)
    elif (state / SEED_FILE).exists():
        raise ConfigError(f"{state} holds a signer already; see it with 'vestibule signer key --state {state}'.")
    else:
        open_file_signer(state, opening.new_origin(origin), create=True).close()
    key(call, state=state)


def key(call: Call, *, state: State) -> None:
    """Print the log's name, public keys and the size that was signed last."""
    from audit.signing.signer import STATE_FILE, FileState

    keys = _public_keys(state)
    signed = FileState(state / STATE_FILE).load()
    shown = {"origin": keys[0].partition("+")[0], "keys": keys, "signed": 0 if signed is None else signed.size}
    call.show(shown, lambda: print_record({**shown, "keys": "\n".join(keys)}))


def serve(
    _call: Call,
    *,
    state: State,
    socket: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Unix socket to listen on; none if systemd hands one over.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="USER", help="Unix user that may ask for signatures, by name or number; else this one."),
    ] = None,
    socket_group: Annotated[
        str | None, typer.Option(metavar="GROUP", help="Let this group reach the socket; --allow still decides.")
    ] = None,
) -> int:
    """Sign for the gateway until SIGTERM or Ctrl-C. Its log goes to standard error as JSON lines."""
    from config.logs import configure

    configure("info")
    allowed = frozenset(_uid(name) for name in allow) if allow else frozenset({os.getuid()})
    return asyncio.run(_serve(state, socket, allowed, None if socket_group is None else _gid(socket_group)))


async def _serve(state: Path, path: Path | None, allowed: frozenset[int], gid: int | None) -> int:
    import structlog

    from audit.signing.key_files import open_file_signer
    from audit.signing.server import SignerServer, handed_over, listen_at

    origin = _public_keys(state)[0].partition("+")[0]
    signer = open_file_signer(state, origin, create=False)
    listening = handed_over()
    if listening is None:
        if path is None:
            signer.close()
            raise ConfigError("There is nothing to listen on: name a --socket, or have systemd hand one over.")
        try:
            listening = listen_at(path, group=gid)
        except OSError as error:
            signer.close()
            raise ConfigError(f"Cannot listen on {path} ({error.strerror}); choose another --socket.") from error
    server = SignerServer(signer, allowed)
    await server.start(listening)
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    structlog.get_logger("signer").info("ready", step=str(path or "socket of systemd"), size=signer.state.size)
    waiting = [asyncio.create_task(done.wait()), asyncio.create_task(server.failed.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await server.stop()
    return exits.RECORD_FAILED if server.failed.is_set() else exits.OK


def _public_keys(state: Path) -> list[str]:
    from audit.signing.key_files import MLDSA_PUBLIC_FILE, PUBLIC_FILE

    try:
        return [
            (state / name).read_text().strip() for name in (PUBLIC_FILE, MLDSA_PUBLIC_FILE) if (state / name).exists()
        ] or _missing(state)
    except OSError as error:
        raise ConfigError(f"{state} cannot be read ({error.strerror}).") from error


def _missing(state: Path) -> list[str]:
    raise ConfigError(f"{state} holds no signer yet; make one with 'vestibule signer init --state {state}'.")


def _uid(name: str) -> int:
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise ConfigError(f"There is no Unix user '{name}'.") from error


def _gid(name: str) -> int:
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ConfigError(f"There is no Unix group '{name}'.") from error
