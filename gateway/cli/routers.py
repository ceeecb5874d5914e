"""`vestibule router`: the inventory. For operators; reps may list it.

Over the REST API. A router's host key is pinned here, after a person has compared it; no other is accepted then.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from gateway.cli.call import Call, command, group
from gateway.cli.keys import asked_secret, private_key, public_key, secret, shown_fingerprint
from gateway.cli.output import note, print_record, print_table, print_text
from gateway.errors import BadRequest

if TYPE_CHECKING:
    from gateway.cli.client import Api

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")

Name = Annotated[str, typer.Argument(metavar="ROUTER", help="What a rep types.")]
Address = Annotated[str, typer.Option(metavar="HOST", help="Management address, as the gateway reaches it.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Of its SSH server.")]
User = Annotated[str, typer.Option(help="Account of the gateway on the router.")]
PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Its password; - for standard input. Without a key it is asked for.")
]
KeyFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Private key of the gateway's account.")]
EnableFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The router's enable password.")]
HostKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="Pin this key (line or file) instead of asking the router for it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Pin the key that the router shows, without asking.")]
Legacy = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Old SSH algorithm that it needs; may be repeated, or a,b.")
]
Language = Annotated[Literal["en", "fr"], typer.Option(help="Of messages to the subscriber.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    below = group("router", "The inventory: register, list, change and remove routers.")
    command(below, "list", remote=True)(list_routers)
    command(below, "add", remote=True)(add)
    command(below, "remove", remote=True)(remove)
    command(below, "credential", remote=True)(credential)
    command(below, "host-key", remote=True)(host_key)
    command(below, "contact", remote=True)(contact)
    app.add_typer(below, rich_help_panel="People and routers")


def list_routers(call: Call) -> None:
    """List the routers: name, platform, the subscriber's pseudonym, home prefixes of their own."""
    with call.api() as api:
        found = api.get("/v1/routers")
    heads = ["router", "platform", "subscriber", "lan"]
    cells = [[one["name"], one["platform"], one["subscriber_ref"], one["lan"]] for one in found]
    call.show(found, lambda: print_table(heads, cells, empty="No router is registered yet."))


def add(
    call: Call,
    name: Name,
    *,
    address: Address,
    user: User,
    port: Port = 22,
    platform: Annotated[
        str | None, typer.Option(help="openwrt, ios, frr, …; without it the gateway logs in and looks.")
    ] = None,
    password_file: PasswordFile = None,
    key_file: KeyFile = None,
    enable_password_file: EnableFile = None,
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
    legacy: Legacy = None,
    host_key: HostKey = None,
    yes: Yes = False,
) -> None:
    """Register a router: address, host key, the gateway's account on it, how its subscriber is reached.

    The host key that the router shows is pinned after you have compared it. Secrets come from files, standard input
    or a prompt, never from the command line, and are sealed at rest.
    """
    known_name(name)
    reached = None if contact is None else {**contact_given(contact), "language": language}
    login = _credential(user, password_file, key_file, enable_password_file)
    old = _listed(legacy)
    with call.api() as api:
        pinned = _pinned(api, Place(name, address, port, old), host_key, yes=yes)
        router = api.post(
            "/v1/routers",
            {
                "name": name,
                "address": address,
                "port": port,
                "host_key": pinned,
                "credential": login,
                "platform": platform,
                "contact": reached,
                "subscriber_ref": subscriber,
                "lan": lan or [],
                "legacy_algorithms": old,
            },
        )
    shown = {"router": router["name"], "platform": router["platform"], "subscriber": router["subscriber_ref"]}
    fingerprint = shown_fingerprint(pinned)
    call.show({**router, "host_key_fingerprint": fingerprint}, lambda: print_record({**shown, "host key": fingerprint}))


def remove(call: Call, name: Name) -> None:
    """Forget a router and its credential. What was done on it stays in the evidence."""
    with call.api() as api:
        api.delete(f"/v1/routers/{known_name(name)}")
    _done(call, name, "removed")


def credential(
    call: Call,
    name: Name,
    *,
    user: User,
    password_file: PasswordFile = None,
    key_file: KeyFile = None,
    enable_password_file: EnableFile = None,
) -> None:
    """Replace how the gateway logs in, all of it."""
    body = _credential(user, password_file, key_file, enable_password_file)
    with call.api() as api:
        api.put(f"/v1/routers/{known_name(name)}/credential", body)
    _done(call, name, "credential replaced")


def host_key(
    call: Call,
    name: Name,
    *,
    host_key: HostKey = None,
    address: Annotated[str | None, typer.Option(metavar="HOST", help="Where to ask the router for its key.")] = None,
    port: Port = 22,
    legacy: Legacy = None,
    yes: Yes = False,
) -> None:
    """Pin another host key, after a router was replaced and the new key compared with it."""
    if host_key is None and address is None:
        raise BadRequest("Give the new key with --host-key, or --address to ask the router for it.")
    with call.api() as api:
        pinned = _pinned(api, Place(known_name(name), address or "", port, _listed(legacy)), host_key, yes=yes)
        api.put(f"/v1/routers/{name}/host-key", {"host_key": pinned})
    _done(call, name, f"host key {shown_fingerprint(pinned)} pinned")


def contact(
    call: Call,
    name: Name,
    reached: Annotated[str, typer.Argument(metavar="KIND:ADDRESS", help="mail:… or phone:+…")],
    *,
    language: Language = "en",
) -> None:
    """Replace how the subscriber of a router is reached."""
    body = {**contact_given(reached), "language": language}
    with call.api() as api:
        api.put(f"/v1/routers/{known_name(name)}/contact", body)
    _done(call, name, "contact replaced")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a router's SSH server is."""

    name: str
    address: str
    port: int
    legacy: list[str]


def _pinned(api: "Api", place: Place, given: str | None, *, yes: bool) -> str:
    """The key to pin: the one given, or the one the router shows once a person has agreed. Raises `BadRequest`."""
    if given is not None:
        return public_key(given)
    body = {"address": place.address, "port": place.port, "legacy_algorithms": place.legacy}
    offered = api.post("/v1/host-keys", body)
    fingerprint = shown_fingerprint(public_key(str(offered["host_key"])))
    shows = f"{place.name} at {place.address} port {place.port} shows the host key {fingerprint}"
    if yes:
        note(f"{shows}.")
    elif not sys.stdin.isatty():
        raise BadRequest(f"{shows}. Compare it with the router, then give --host-key or --yes; nothing was changed.")
    elif not typer.confirm(f"{shows}.\nDoes the router itself say the same? Pin it?", err=True):
        raise BadRequest("Nothing was changed.")
    return str(offered["host_key"])


def _credential(
    user: str, password_file: Path | None, key_file: Path | None, enable_password_file: Path | None
) -> dict[str, Any]:
    if [password_file, enable_password_file].count(Path("-")) > 1:
        raise BadRequest("Only one secret can come from standard input.")
    password = secret("password", password_file)
    if password is None and key_file is None:
        password = asked_secret(f"password of {user}")
    given = {
        "user": user,
        "password": password,
        "private_key": private_key(key_file),
        "enable_password": secret("enable password", enable_password_file),
    }
    return {name: value for name, value in given.items() if value is not None}


def contact_given(text: str) -> dict[str, str]:
    """`KIND:ADDRESS` as the API wants it. Raises `BadRequest`."""
    kind, colon, address = text.partition(":")
    if kind not in {"mail", "phone"} or not colon or not address:
        raise BadRequest("A contact is written mail:name@example.net or phone:+15145550100.")
    return {"kind": kind, "address": address}


def _listed(names: list[str] | None) -> list[str]:
    return [name for part in names or [] for name in part.split(",") if name]


def known_name(name: str) -> str:
    """A name that may stand in a path. Raises `BadRequest`."""
    if not _NAME.match(name):
        raise BadRequest("A router's name is 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit.")
    return name


def _done(call: Call, name: str, what: str) -> None:
    call.show({"router": name, "done": what}, lambda: print_text(f"{name}: {what}."))
