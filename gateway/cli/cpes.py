"""`vestibule cpe`: routers that speak TR-069 (CWMP): register, list, and see who calls. For operators.

Over the REST API. Such a router calls the gateway by itself; what it signs in with is printed once, to be put into it.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.call import Call, command, group
from gateway.cli.keys import secret
from gateway.cli.output import moment, print_record, print_table
from gateway.cli.routers import Language, Name, contact_given, known_name
from gateway.errors import BadRequest

Device = Annotated[
    str, typer.Option(metavar="ID", help="OUI-ProductClass-Serial, as on its label; see `vestibule cpe strangers`.")
]
User = Annotated[str | None, typer.Option(help="With which it signs in; default: the device id.")]
PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Its password; - for standard input. Default: one is made.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("cpe", "Routers that speak TR-069: register, list, see who calls.")
    command(below, "add", remote=True)(add)
    command(below, "list", remote=True)(list_cpes)
    command(below, "strangers", remote=True)(strangers)
    command(below, "sign-in", remote=True)(sign_in)
    app.add_typer(below, rich_help_panel="People and routers")


def add(
    call: Call,
    name: Name,
    *,
    device: Device,
    user: User = None,
    password_file: PasswordFile = None,
    certificate_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="It signs in with the client certificate of this name.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="KIND:ADDRESS", help="How the subscriber is reached: mail:… or phone:+….")
    ] = None,
    language: Language = "en",
    subscriber: Annotated[
        str | None, typer.Option(metavar="ID", help="Pseudonym of a subscriber who has another router here.")
    ] = None,
    lan: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="The subscriber's home prefix; may be repeated.")
    ] = None,
) -> None:
    """Register a router that speaks TR-069. Its password is printed once; `vestibule router remove` forgets it."""
    if certificate_name is not None and password_file is not None:
        raise BadRequest("A router signs in with a password or with a certificate; give one of them.")
    body = {
        "name": known_name(name),
        "device": device,
        "user": user,
        "password": secret("password", password_file),
        "certificate_name": certificate_name,
        "contact": None if contact is None else {**contact_given(contact), "language": language},
        "subscriber_ref": subscriber,
        "lan": lan or [],
    }
    with call.api() as api:
        made = api.post("/v1/cpes", body)
    where = made["acs_url"] or "(no listener yet: set [cwmp])"
    shown = {"router": made["router"]["name"], "device": made["device"], "calls": where, **_shown(made["sign_in"])}
    call.show(made, lambda: print_record(shown))


def list_cpes(call: Call) -> None:
    """List them: model, software, how they proved who they are, their last and their next call."""
    with call.api() as api:
        found = api.get("/v1/cpes")
    heads = ["router", "device", "model", "software", "identity", "last call", "next call", "now"]
    cells = [_row(one) for one in found]
    call.show(found, lambda: print_table(heads, cells, empty="No router that speaks TR-069 is registered yet."))


def strangers(call: Call) -> None:
    """List devices that call and are not registered. Nothing that they say of themselves is proved."""
    with call.api() as api:
        found = api.get("/v1/cpes/strangers")
    heads = ["device", "address", "user", "certificate", "last call", "calls"]
    cells = [
        [one["device"], one["address"], one["user"], one["certificate"], _moment(one["last"]), one["times"]]
        for one in found
    ]
    call.show(found, lambda: print_table(heads, cells, empty="No unknown device has called."))


def sign_in(call: Call, name: Name, *, user: User = None, password_file: PasswordFile = None) -> None:
    """Replace what a router signs in with; the password is printed once. The router must be told before it can call."""
    body = {"user": user, "password": secret("password", password_file)}
    with call.api() as api:
        made = api.post(f"/v1/cpes/{known_name(name)}/sign-in", body)
    call.show(made, lambda: print_record({"router": name, **_shown(made)}))


def _shown(sign_in: dict[str, Any]) -> dict[str, Any]:
    if sign_in["by"] == "certificate":
        return {"sign-in": "its client certificate"}
    return {"user": sign_in["user"], "password": sign_in["password"] or "(as given)"}


def _moment(time: str | None) -> str:
    return moment(time) if time else ""


def _row(one: dict[str, Any]) -> list[Any]:
    now = "in session" if one["in_session"] else "can be woken" if one["can_be_woken"] else ""
    if one["turned_away_at"]:
        now = f"turned away {_moment(one['turned_away_at'])}: {one['turned_away_why']}"
    return [
        one["router"],
        one["device"],
        one["model"] or "",
        one["software"] or "",
        one["identity"] or "never called",
        _moment(one["informed_at"]),
        _moment(one["expected_at"]),
        now,
    ]
