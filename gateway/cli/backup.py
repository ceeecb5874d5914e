"""`vestibule backup|restore|keys`: copies of everything but the root key, and the root key itself. On this machine.

They read and write the data directory, so they need no gateway; `backup` works beside a running one.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.counting import counted, entries
from gateway import exits
from gateway.cli.call import Call, command, group
from gateway.cli.output import note, print_record, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from audit.keys.file_store import FileKeyStore
    from audit.keys.root_choice import Choice
    from gateway.evidence.restoring import Newer

_PANEL = "The gateway"
Recipients = Annotated[
    list[str] | None, typer.Option("--recipient", metavar="age1…", help="Who can open it; may be repeated.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    command(app, "backup", rich_help_panel=_PANEL)(backup)
    command(app, "restore", rich_help_panel=_PANEL)(restore)
    keys = group("keys", "The root key that everything sealed hangs from.")
    command(keys, "show")(show)
    command(keys, "rotate")(rotate)
    command(keys, "recovery")(recovery)
    command(keys, "recover")(recover)
    app.add_typer(keys, rich_help_panel=_PANEL)


def backup(
    call: Call,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory for this backup.")],
    *,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Backup key; made if there is none. Keep it elsewhere.")
    ] = None,
    recipient: Recipients = None,
) -> None:
    """Copy everything but the root key, beside a running gateway or without one. Keys leave sealed."""
    from audit.files import make_secret
    from audit.keys.root_age import AgeRoot
    from audit.keys.xaes import KEY_BYTES
    from config.clock import SystemClock
    from gateway.evidence.backup import make, seal_with_key

    settings = call.settings()
    if (key is None) == (not recipient):
        raise BadRequest("Say what the keys are sealed to: --key FILE, or --recipient age1… (one or more).")
    seal: Callable[[bytes], bytes]
    if recipient:
        root = AgeRoot(recipient)
        seal, by = root.wrap, root.name
    else:
        assert key is not None
        seal, by = seal_with_key(make_secret(key, KEY_BYTES)), "backup key"
    made = make(settings, directory, seal, by, SystemClock().now())
    call.show(
        made,
        lambda: print_text(
            f"Backed up {entries(made.entries)} of {made.origin} to {made.directory}, keys sealed to {by}.\n"
            f"The root key is not in it: keep {settings.keys_dir / 'root.key'} in another place."
        ),
    )


def restore(
    call: Call,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The backup.")],
    *,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The backup key.")] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", metavar="FILE", help="age identity of a recipient.")
    ] = None,
    root_key: Annotated[
        Path | None, typer.Option("--root-key", metavar="FILE", help="The root key, where it is not in place.")
    ] = None,
    newer_log: Annotated[
        str | None,
        typer.Option(
            "--newer-log", metavar="DIR|URL", help="A newer copy of the log: what it says was erased is erased again."
        ),
    ] = None,
) -> int:
    """Bring a backup back onto an empty data directory, and verify it. The gateway must not run.

    What was erased after the backup was made is erased again at the next start, as far as --newer-log tells.
    """
    from audit.files import read_secret
    from audit.keys.root import ROOT_KEY_BYTES
    from audit.keys.root_age import AgeRoot, read_identities, recipient_of
    from audit.keys.xaes import KEY_BYTES
    from gateway.evidence.restoring import open_with_key
    from gateway.evidence.restoring import restore as bring_back

    if (key is None) == (identity is None):
        raise BadRequest("Say what opens the backup's keys: --key FILE, or --identity FILE.")
    if key is not None:
        unseal = open_with_key(read_secret(key, KEY_BYTES))
    else:
        assert identity is not None
        found = read_identities(identity)
        unseal = AgeRoot([recipient_of(one) for one in found], found).unwrap
    done = bring_back(
        call.settings(),
        directory,
        unseal,
        root_key=None if root_key is None else read_secret(root_key, ROOT_KEY_BYTES),
        newer=_newer(newer_log),
    )
    behind = None if done.newer_entries is None else done.newer_entries - done.entries

    def people() -> None:
        for line in done.report.lines():
            print_text(line)
        print_text(f"Restored {entries(done.entries)}, as of {done.made}.")
        if behind is None:
            note("No newer log was named: what was erased since the backup is not known here.")
        elif behind > 0:
            note(
                f"The log went on for {entries(behind)} after this backup, {done.erased_since} of them erasures. Those "
                "are done again at the start. Witnesses refuse to cosign a log that was rolled back: see "
                "docs/howto/backup.md."
            )

    call.show({"entries": done.entries, "made": done.made, "erased_since": done.erased_since, "behind": behind}, people)
    return exits.FAILED if done.report.exit_code == 1 else exits.OK


def show(call: Call) -> None:
    """Show which root key is in use and what it wraps. Finishes a rotation that was cut short."""
    with _opened(call) as store:
        wrapped = store.wrapped_by()
        root = store.root
    call.show({"root": root, "wrapped": wrapped}, lambda: print_record({"root": root, **wrapped}))


def rotate(
    call: Call,
    *,
    to: Annotated[str, typer.Option("--to", help="file, age, command or socket.")] = "file",
    recipient: Recipients = None,
    identity: Annotated[
        Path | None,
        typer.Option("--identity", metavar="FILE", help="For age: without it this machine cannot read back."),
    ] = None,
    program: Annotated[
        list[str] | None, typer.Option("--program", metavar="WORD", help="For command: program and words, repeated.")
    ] = None,
    socket: Annotated[Path | None, typer.Option("--socket", metavar="PATH", help="For socket: the helper's.")] = None,
) -> None:
    """Take another root key: every key of a month is wrapped anew, nothing else changes. The gateway must not run."""
    from audit.keys.root_choice import begin_rotation, next_file

    keys_dir = call.settings().keys_dir
    choices: dict[str, Choice] = {
        "file": {"kind": "file", "file": next_file(keys_dir)},
        "age": {
            "kind": "age",
            "recipients": [*(recipient or ())],
            **({} if identity is None else {"identity": str(identity.absolute())}),
        },
        "command": {"kind": "command", "argv": [*(program or ())]},
        "socket": {"kind": "socket", "path": str(socket)},
    }
    if to not in choices or (to == "age" and not recipient) or (to == "socket" and socket is None):
        raise BadRequest("--to is file, age (with --recipient), command (with --program) or socket (with --socket).")
    with _opened(call):
        pass  # whether the log is free, and the old root opens
    begin_rotation(keys_dir, choices[to])
    show(call)


def recovery(call: Call, *, recipient: Recipients = None) -> None:
    """Have every key of a month sealed to age recipients besides, so that they can recover it; none: no more."""
    from audit.keys.root_age import AgeRoot
    from audit.keys.root_choice import read_choice, write_choice

    keys_dir = call.settings().keys_dir
    if recipient:
        AgeRoot(recipient).close()
    with _opened(call) as store:
        store.forget_recovery()
        write_choice(keys_dir, {**read_choice(keys_dir), "recovery": [*(recipient or ())]})
    show(call)


def recover(
    call: Call, *, identity: Annotated[Path, typer.Option("--identity", metavar="FILE", help="Of a recipient.")]
) -> None:
    """Open every key of a month with a recovery identity, and wrap it by the root key in use. After a lost root key."""
    from audit.keys.root_age import AgeRoot, read_identities, recipient_of

    found = read_identities(identity)
    with _opened(call, lost=True) as store:
        moved = store.recover(AgeRoot([recipient_of(one) for one in found], found))
    call.show({"recovered": moved}, lambda: print_text(f"Recovered {counted(moved, 'key')} of months."))


@contextmanager
def _opened(call: Call, *, lost: bool = False) -> "Iterator[FileKeyStore]":
    """keys.db for writing, while no gateway has the log open. `lost`: the root that wrapped it is gone."""
    from audit.keys.file_store import KEYS_FILE, FileKeyStore
    from audit.stores.sqlite import open_store
    from config.errors import ConfigError

    settings = call.settings()
    path = settings.evidence_dir / KEYS_FILE
    if not path.exists():
        raise ConfigError(f"{settings.evidence_dir} has no {KEYS_FILE} yet; start the gateway once.")
    with closing(open_store(settings.evidence_dir)) as log:
        origin = log.meta("origin") or ""
        with closing(FileKeyStore.open(path, settings.keys_dir, origin, lost=lost)) as store:
            yield store


def _newer(place: str | None) -> "Newer | None":
    from gateway.evidence.restoring import newer_directory, newer_published

    if place is None:
        return None
    if not place.startswith(("http://", "https://")):
        return newer_directory(Path(place))
    import httpx

    base = place.rstrip("/")

    def fetch(path: str) -> bytes | None:
        try:
            answer = httpx.get(f"{base}/{path}", timeout=30, follow_redirects=False)
        except httpx.TransportError as error:
            raise BadRequest(f"{base} does not answer: the newer log cannot be read.") from error
        return answer.content if answer.status_code == 200 else None

    return newer_published(fetch)
