"""`vestibule open` and `vestibule session`: start plain ssh with the right options; see and end live sessions."""

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from config.errors import ConfigError
from gateway.cli.call import Call, command, group
from gateway.cli.evidence import an_id
from gateway.cli.keys import public_key
from gateway.cli.output import moment, print_record, print_table, print_text
from gateway.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from config.settings import Settings

HOST_KEY_FILE: Final = "ssh_host_ed25519_key.pub"
"""In the keys directory; `gateway.assembly` makes it."""
ALIAS: Final = "vestibule"
"""Name of the gateway in the known-hosts file, whatever address it is reached at."""
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server listens on is not where to go
_PANEL: Final = "Access to a router"
_ROUTER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")

Id = Annotated[str, typer.Argument(metavar="SESSION", help="Id, as `vestibule session list` shows.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("session", "Live sessions: yours, or all for a supervisor or operator.")
    command(below, "list", remote=True)(list_sessions)
    command(below, "show", remote=True)(show)
    command(below, "kill", remote=True)(kill)
    command(app, "open", rich_help_panel=_PANEL)(open_router)
    app.add_typer(below, rich_help_panel=_PANEL)


def open_router(
    call: Call,
    router: Annotated[str, typer.Argument(metavar="ROUTER", help="Or `vestibule`, for control commands.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="One command to run instead of a terminal.")
    ] = None,
    *,
    identity: Annotated[
        Path | None, typer.Option("--identity", "-i", metavar="FILE", help="Your private key, else what ssh finds.")
    ] = None,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="HOST[:PORT]", envvar="VESTIBULE_GATEWAY", help="Else the one on this machine."),
    ] = None,
    host_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", envvar="VESTIBULE_HOST_KEY", help="Public host key of --gateway (line or file)."),
    ] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print the ssh command instead of running it.")] = False,
) -> None:
    """Open a session with plain ssh, the gateway's host key pinned and everything else that ssh could do switched off.

    Without a consent the gateway leads you through asking for one. The exit status is ssh's own: the router's for a
    single command, 77 without consent, 126 for a refused line, 125 if the session was ended from outside.
    """
    if not _ROUTER.match(router):
        raise BadRequest("A router's name is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit.")
    host, port = _where(call, gateway)
    key = public_key(host_key) if host_key is not None else _own_host_key(call, gateway)
    line = ssh_command(router, host, port, _known_hosts(key), identity, words or [])
    if not (print_only or call.as_json):
        _become(line)
    call.show({"command": line}, lambda: print_text(_quoted(line)))


def ssh_command(
    router: str, host: str, port: int, known_hosts: Path, identity: Path | None, words: list[str]
) -> list[str]:
    """What is run: no forwarding, no agent, no trust in any key but the pinned one. The user's ssh settings count."""
    options = {
        "UserKnownHostsFile": f'"{known_hosts}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "HostKeyAlias": ALIAS,
        "UpdateHostKeys": "no",
        "ClearAllForwardings": "yes",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "PasswordAuthentication": "no",
    }
    chosen = [] if identity is None else ["-i", str(identity), "-o", "IdentitiesOnly=yes"]
    named = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    return ["ssh", *named, *chosen, "-p", str(port), "-l", router, "--", host, *words]


def list_sessions(call: Call) -> None:
    """List live sessions."""
    with call.api() as api:
        found = api.get("/v1/sessions")
    heads = ["session", "rep", "router", "opened", "ends", "commands", "blocked"]

    def row(one: dict[str, Any]) -> list[object]:
        times = moment(one["opened_at"]), moment(one["expires_at"])
        return [one["id"], one["rep"], one["router"], *times, one["commands"], one["blocked"]]

    call.show(found, lambda: print_table(heads, map(row, found), empty="No session is open."))


def show(call: Call, session: Id) -> None:
    """Show one session. What was done in it: `vestibule log --session`, `vestibule replay`."""
    with call.api() as api:
        found = api.get(f"/v1/sessions/{an_id(session, 'session')}")
    ended = found["ended"]
    record = {
        "session": found["id"],
        "state": found["state"],
        "rep": found["rep"],
        "router": found["router"],
        "consent": found["consent"],
        "opened": moment(found["opened_at"]),
        "ends": moment(found["expires_at"]),
        "commands": found["commands"],
        "blocked": found["blocked"],
        **({} if ended is None else {"ended": f"{moment(ended['at'])}, {ended['reason']}"}),
    }
    call.show(found, lambda: print_record(record))


def kill(call: Call, session: Id) -> None:
    """End a live session now. Recorded first."""
    wanted = an_id(session, "session")
    with call.api() as api:
        api.post(f"/v1/sessions/{wanted}/kill")
    call.show({"session": wanted, "done": "killed"}, lambda: print_text(f"{wanted}: killed."))


def _become(line: list[str]) -> NoReturn:
    program = shutil.which(line[0])
    if program is None:
        raise Unavailable("There is no ssh on this machine; install the OpenSSH client.")
    os.execv(program, line)  # noqa: S606 - no shell: the words go to ssh as they are


def _where(call: Call, gateway: str | None) -> tuple[str, int]:
    if gateway is None:
        ssh = call.settings().ssh
        return _EVERYWHERE.get(ssh.host, ssh.host), ssh.port
    match = re.fullmatch(r"\[?([A-Za-z0-9.:-]+?)\]?(?::(\d{1,5}))?", gateway)
    if match is None or match[1].startswith("-") or not 0 < int(match[2] or 2222) < 65536:
        raise BadRequest("--gateway is a host name or address, and a port after a colon if it is not 2222.")
    return match[1], int(match[2] or 2222)


def _own_host_key(call: Call, gateway: str | None) -> str:
    if gateway is not None:
        raise BadRequest("--gateway needs --host-key: the gateway's public host key, from its operator.")
    settings: Settings = call.settings()
    path = settings.keys_dir / HOST_KEY_FILE
    if not os.access(path, os.R_OK):
        raise ConfigError(f"{path}: you may not read the gateway's public host key; name a copy with --host-key.")
    return public_key(str(path))


def _known_hosts(key: str) -> Path:
    """A file that knows this one key. Its name says which, so that several gateways do not get in each other's way."""
    above = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "vestibule"
    line = f"{ALIAS} {' '.join(key.split()[:2])}\n"
    path = above / f"known_hosts.{hashlib.sha256(line.encode()).hexdigest()[:16]}"
    try:
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="ascii") != line:
            path.write_text(line, encoding="ascii")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}.") from error
    return path


def _quoted(words: list[str]) -> str:
    """As a person pastes it into a shell (POSIX: single quotes hold everything but themselves)."""
    safe = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
    return " ".join(word if safe.fullmatch(word) else "'" + word.replace("'", "'\\''") + "'" for word in words)
