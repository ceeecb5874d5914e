"""`vestibule person`: people and machine identities, their keys, one-time codes and tokens. For operators.

Over the REST API; each change is on record before it is made. Secrets made here are printed once.
"""

import re
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from config.counting import counted
from gateway.cli.call import Call, command, group
from gateway.cli.keys import hex_fingerprint, public_key, shown_fingerprint
from gateway.cli.output import moment, note, print_record, print_table, print_text
from gateway.errors import BadRequest

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}\Z")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Login name.")]
Role = Literal["rep", "supervisor", "reviewer", "auditor", "automation", "operator"]
Key = Annotated[str, typer.Argument(metavar="KEY", help="Public key: its file, or the line itself.")]
Until = Annotated[str, typer.Argument(metavar="DATE", help="2026-12-31 (all of that day, UTC), or `none`.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a new file of mode 0600 instead.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("person", "People and machines: roles, keys, one-time codes, tokens. For operators.")
    command(below, "list", remote=True)(list_people)
    command(below, "add", remote=True)(add)
    command(below, "remove", remote=True)(remove)
    command(below, "disable", remote=True)(disable)
    command(below, "enable", remote=True)(enable)
    command(below, "training", remote=True)(training)
    key = group("key", "SSH keys that somebody signs in with.")
    command(key, "add", remote=True)(add_key)
    command(key, "remove", remote=True)(remove_key)
    totp = group("totp", "The second factor: one-time codes (TOTP).")
    command(totp, "enrol", remote=True)(enrol_totp)
    command(totp, "remove", remote=True)(remove_totp)
    token = group("token", "Service-account tokens of machines.")
    command(token, "new", remote=True)(new_token)
    command(token, "revoke", remote=True)(revoke_tokens)
    for inner in (key, totp, token):
        below.add_typer(inner)
    app.add_typer(below, rich_help_panel="People and routers")


def list_people(call: Call) -> None:
    """List everybody: role, alias that subscribers see, second factor, training."""
    with call.api() as api:
        found = api.get("/v1/people")
    heads = ["name", "role", "alias", "disabled", "totp", "training until"]

    def row(one: dict[str, Any]) -> list[object]:
        until = moment(one["training_until"])
        return [one["name"], one["role"], one["alias"], one["disabled"], one["totp_enrolled"], until]

    call.show(found, lambda: print_table(heads, map(row, found), empty="Nobody is registered."))


def add(
    call: Call,
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="What they may do.")],
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Public key: its file, or the line itself.")] = None,
    uid: Annotated[
        int | None, typer.Option(min=0, help="Unix user id on the gateway's machine, for the local socket.")
    ] = None,
    training: Annotated[
        str | None, typer.Option(metavar="DATE", help="Until when training counts; without it no date is asked for.")
    ] = None,
    token: Annotated[bool, typer.Option("--token", help="Make a token too, for a machine; printed once.")] = False,
) -> None:
    """Register a person or a machine."""
    if token and role != "automation":
        raise BadRequest("--token is for machines (--role automation); people sign in with a key.")
    body = {
        "name": name,
        "role": role,
        "key": None if key is None else public_key(key),
        "uid": uid,
        "training_until": None if training is None else _until(training),
    }
    with call.api() as api:
        person = api.post("/v1/people", body)
        made = api.post(f"/v1/people/{_known(name)}/tokens")["token"] if token else None

    def people() -> None:
        print_record({"name": person["name"], "role": person["role"], "alias": person["alias"]})
        if made is not None:
            print_text(made)
            note("This token is shown once. Keep it in a file of mode 0600.")

    call.show(person if made is None else {**person, "token": made}, people)


def remove(call: Call, name: Name) -> None:
    """Remove somebody, with keys and tokens. What they did stays in the evidence."""
    with call.api() as api:
        api.delete(f"/v1/people/{_known(name)}")
    _done(call, name, "removed")


def disable(call: Call, name: Name) -> None:
    """Suspend somebody: keys and tokens stop working at once."""
    _change(call, name, {"disabled": True}, "disabled")


def enable(call: Call, name: Name) -> None:
    """Readmit somebody who was disabled."""
    _change(call, name, {"disabled": False}, "enabled")


def training(call: Call, name: Name, until: Until) -> None:
    """Set until when somebody's training counts; after it sessions are refused."""
    _change(call, name, {"training_until": None if until == "none" else _until(until)}, "changed")


def add_key(call: Call, name: Name, key: Key) -> None:
    """Add an SSH key that somebody may sign in with, at once."""
    line = public_key(key)
    with call.api() as api:
        found = api.post(f"/v1/people/{_known(name)}/keys", {"key": line})
    call.show(found, lambda: print_text(f"{name} may sign in with {shown_fingerprint(found['fingerprint'])}."))


def remove_key(
    call: Call,
    name: Name,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Fingerprint (SHA256:…), file of the key, or its line.")],
) -> None:
    """Remove an SSH key; it stops working at once."""
    fingerprint = hex_fingerprint(key)
    with call.api() as api:
        api.delete(f"/v1/people/{_known(name)}/keys/{fingerprint}")
    _done(call, name, "key_removed")


def enrol_totp(call: Call, name: Name) -> None:
    """Make a one-time-code secret for somebody's authenticator; printed once. An earlier one stops working."""
    with call.api() as api:
        secret = api.post(f"/v1/people/{_known(name)}/totp")["secret"]
    address = f"otpauth://totp/Vestibule:{quote(name)}?secret={secret}&issuer=Vestibule"

    def people() -> None:
        print_record({"secret": secret, "address": address})
        note("Shown once. From now on a code is asked for after the key.")

    call.show({"name": name, "secret": secret, "address": address}, people)


def remove_totp(call: Call, name: Name) -> None:
    """Take the second factor away from somebody who lost it."""
    with call.api() as api:
        api.delete(f"/v1/people/{_known(name)}/totp")
    _done(call, name, "totp_removed")


def new_token(call: Call, name: Name, *, output: Output = None) -> None:
    """Make a token for a machine; printed once. Earlier ones stay valid until they are revoked."""
    if output is not None and output.exists():
        raise BadRequest(f"{output}: is there already; no token was made.")
    with call.api() as api:
        made = api.post(f"/v1/people/{_known(name)}/tokens")
    if output is not None:
        from config.files import write_private

        write_private(output, made["token"].encode() + b"\n")
        call.show({"name": name, "file": output}, lambda: print_text(f"Wrote {output}."))
        return
    call.show({"name": name, **made}, lambda: print_text(made["token"]))


def revoke_tokens(call: Call, name: Name) -> None:
    """Withdraw all tokens of a machine; they stop working at once."""
    with call.api() as api:
        found = api.delete(f"/v1/people/{_known(name)}/tokens")
    call.show(
        {"name": name, **found}, lambda: print_text(f"Withdrawn: {counted(found['removed'], 'token')} of {name}.")
    )


def _change(call: Call, name: str, change: dict[str, Any], word: str) -> None:
    with call.api() as api:
        found = api.patch(f"/v1/people/{_known(name)}", change)
    call.show(found, lambda: print_text(f"{name}: {word}."))


def _done(call: Call, name: str, word: str) -> None:
    call.show({"name": name, "done": word}, lambda: print_text(f"{name}: {word.replace('_', ' ')}."))


def _known(name: str) -> str:
    """A name that may stand in a path. Raises `BadRequest`."""
    if not _NAME.match(name):
        raise BadRequest("A person's name is 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit.")
    return name


def _until(text: str) -> str:
    """The end of a day in UTC, or a time with its zone, as RFC 3339."""
    try:
        moment_ = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest("A date is written like 2026-12-31.") from error
    if moment_.tzinfo is None:
        if len(text) > 10:
            raise BadRequest("A time needs its zone, like 2026-12-31T12:00:00Z; or give the date alone.")
        moment_ = datetime.combine(moment_.date(), time(23, 59, 59), UTC)
    return moment_.astimezone(UTC).isoformat().replace("+00:00", "Z")
