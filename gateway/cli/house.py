"""`vestibule init|check-config|serve|demo`: for the people who run the gateway.

What these start stands above the front ends and is handed in (`gateway.cli.programs`).
"""

import os
import pwd
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from config.errors import ConfigError
from gateway.cli.call import Call, command
from gateway.cli.output import note, print_record, print_text

if TYPE_CHECKING:
    from config.settings import Settings

DEFAULT_DATA_DIR: Final = Path("/var/lib/vestibule")
_PANEL: Final = "The gateway"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}\Z")


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    command(app, "init", rich_help_panel=_PANEL)(init)
    command(app, "check-config", rich_help_panel=_PANEL)(check_config)
    command(app, "serve", rich_help_panel=_PANEL)(serve)
    command(app, "demo", rich_help_panel=_PANEL)(demo)


def init(
    call: Call,
    *,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"Where everything is stored; {DEFAULT_DATA_DIR} in a new settings file."),
    ] = None,
    operator: Annotated[
        str, typer.Option(metavar="UID", help="Unix user that becomes the first operator: a number, a name, or `me`.")
    ] = "me",
) -> None:
    """Make what a gateway needs once: settings file, data directory, keys, first operator. Safe to repeat.

    The settings file is the one that --config or VESTIBULE_CONFIG names; one that is there already is kept. The
    first operator is registered under the name of the Unix user, and is recognised on this machine's socket.
    """
    from config.load import settings_path
    from config.logs import configure

    configure("warning")  # to standard error: the answer has standard output to itself
    uid, name = _operator(operator)
    path = settings_path(call.config)
    fresh = not path.exists()
    if fresh:
        _write_settings(path, (data_dir or DEFAULT_DATA_DIR).absolute())
    try:
        settings = _settings_for(call, path, data_dir)
        call.programs.initialise(settings)
    except BaseException:
        if fresh:
            path.unlink(missing_ok=True)  # nothing half done
        raise
    added = call.programs.first_operator(settings, name, uid)
    done = {"settings": path, "data": settings.data_dir, "operator": name, "uid": uid}
    call.show(
        {**done, "settings_written": fresh, "operator_added": added},
        lambda: print_text(
            f"{'Wrote' if fresh else 'Kept'} {path}.\n"
            f"Everything is stored in {settings.data_dir}.\n"
            f"{name} (user id {uid}) is {'now an' if added else 'already an'} operator.\n"
            "Next: vestibule serve"
        ),
    )


def check_config(call: Call) -> None:
    """Read the settings file and the files of feeds, witnesses and TR-069 that it names, and say if they are right."""
    from config.load import settings_path
    from gateway.evidence import attesting, feeding

    settings = call.settings()
    feeding.usable(settings)
    attesting.attestation_of(settings.evidence)
    call.programs.usable(settings)
    path = settings_path(call.config)
    values = settings.model_dump(mode="json")
    ready = (settings.keys_dir / "root.key").exists()

    def people() -> None:
        print_text(f"{path} is right.")
        print_record(_summary(settings))
        if not ready:
            note(f"{settings.data_dir} is not set up yet; run `vestibule init`.")

    call.show({"file": path, "ready": ready, "settings": values}, people)


def serve(call: Call) -> int:
    """Run the gateway until SIGTERM or Ctrl-C. Its log goes to standard error as JSON lines."""
    from config.logs import configure

    settings = call.settings()
    configure(settings.log.level)
    return call.programs.serve(settings)


def demo(
    call: Call,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running afterwards, and print what to type.")] = False,
) -> int:
    """Play the whole story on loopback, without root: consent, work, a refused pivot, revocation, replay, verification.

    Each step checks itself. Settings are not read, and nothing is left behind.
    """
    if call.as_json:
        # The story is for people: it goes to standard error, and the answer is whether it held.
        status = call.programs.demo(keep, sys.stderr)
        call.show({"ok": status == 0, "exit": status}, lambda: None)
        return status
    return call.programs.demo(keep, sys.stdout)


def _summary(settings: "Settings") -> dict[str, object]:
    api = f" and {settings.api.host} port {settings.api.port}" if settings.api.port is not None else ""
    return {
        "data": settings.data_dir,
        "ssh": f"{settings.ssh.host} port {settings.ssh.port}",
        "api": f"{settings.api_socket}{api}",
        "consent pages": f"{settings.customer.host} port {settings.customer.port}",
        "review pages": _place(settings.review.host, settings.review.port),
        "published log": _place(settings.log_site.host, settings.log_site.port),
        "TR-069": _cwmp(settings),
        "messages by": settings.notify.kind,
    }


def _cwmp(settings: "Settings") -> str | None:
    cwmp = settings.cwmp
    ports = {"TLS port": cwmp.port, "plain port": cwmp.plain_port}
    where = " and ".join(f"{kind} {port}" for kind, port in ports.items() if port is not None)
    return None if cwmp.mode == "off" else f"{cwmp.mode}, {cwmp.host} {where}"


def _place(host: str, port: int | None) -> str | None:
    return None if port is None else f"{host} port {port}"


def _settings_for(call: Call, path: Path, data_dir: Path | None) -> "Settings":
    settings = call.settings()
    if data_dir is not None and settings.data_dir.absolute() != data_dir.absolute():
        raise ConfigError(f"{path}: data_dir is {settings.data_dir} there; change it in the file, or leave it out.")
    return settings


def _write_settings(path: Path, data_dir: Path) -> None:
    from config.load import default_toml

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(default_toml(data_dir))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}). Name another place with --config or VESTIBULE_CONFIG."
        ) from error


def _operator(wanted: str) -> tuple[int, str]:
    """User id and name. A user the system has no fitting name for is called operator."""
    try:
        if wanted == "me":
            uid = os.getuid()
        elif wanted.isascii() and wanted.isdigit():
            uid = int(wanted)
        else:
            uid = pwd.getpwnam(wanted).pw_uid
    except KeyError as error:
        raise ConfigError(f"This machine has no user {wanted!r}; give a user id, a user name, or me.") from error
    try:
        name = pwd.getpwuid(uid).pw_name.lower()
    except (KeyError, OverflowError):
        name = "operator"
    return uid, name if _NAME.match(name) else "operator"
