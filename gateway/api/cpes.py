"""`/v1/cpes`: routers that speak TR-069: how each signs in at the gateway, when it called last, and who else calls.

Changes are for operators. A password that the gateway made is shown once, in the answer that made it.
"""

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from fastapi import Depends, Request
from pydantic import Field

from drivers.cwmp.known import KnownCpe
from drivers.cwmp.paths import ROOTS
from drivers.session import Credential
from gateway.api.fields import Id, Language, RouterName, Wire
from gateway.api.given import Admin, Caller, Service, guarded
from gateway.api.routers import ContactIn, Name, RouterOut, operators_only, router_out
from gateway.errors import BadRequest
from gateway.policy.cwmp.policy import PLATFORM
from gateway.session.admin import RouterEntry
from gateway.session.cpes import CpeDesk

routes = guarded("cpes")

Device: TypeAlias = Annotated[
    str,
    Field(
        min_length=3,
        max_length=400,
        pattern=r"^[!-~]+$",
        description="`OUI-ProductClass-Serial`; letters, digits and _ as they are, everything else %-encoded.",
        examples=["00D09E-DSL2800-ABC123"],
    ),
]


def _desk(request: Request) -> CpeDesk:
    desk: CpeDesk = request.app.state.cpes
    return desk


Desk: TypeAlias = Annotated[CpeDesk, Depends(_desk)]


class NewCpe(Wire):
    """A router that calls by itself. It signs in with a user name and password, or with a client certificate."""

    name: RouterName
    device: Device
    user: str | None = Field(None, min_length=1, max_length=256, description="Default: the device id.")
    password: str | None = Field(
        None, min_length=12, max_length=256, description="Default: the gateway makes one and shows it once."
    )
    certificate_name: str | None = Field(
        None,
        min_length=1,
        max_length=253,
        description="Common or DNS name in its client certificate: no password then.",
    )
    contact: ContactIn | None = None
    subscriber_ref: Id | None = Field(None, description="Of a subscriber who has another router here.")
    lan: tuple[Annotated[str, Field(max_length=64)], ...] = Field((), max_length=64, description="Home prefixes.")


class SignIn(Wire):
    """What is put into the router. A password that the gateway made is shown in this answer only."""

    by: Literal["password", "certificate"]
    user: str
    password: str | None = Field(description="None: as it was given, or there is none.")


class CpeAdded(Wire):
    """The router as it was registered, and how it signs in."""

    router: RouterOut
    device: str
    acs_url: str | None = Field(description="What the router is told to call; none while nothing listens for routers.")
    sign_in: SignIn


class NewSignIn(Wire):
    """Another user name or password; what is left out is made by the gateway."""

    user: str | None = Field(None, min_length=1, max_length=256)
    password: str | None = Field(None, min_length=12, max_length=256)


class CpeOut(Wire):
    """What the gateway knows of a CPE."""

    router: RouterName
    device: str
    model: str | None = Field(description="`tr181` or `tr098`; none before its first call.")
    software: str | None
    identity: str | None = Field(description="How it proved who it is, at its last call.")
    informed_at: datetime | None
    expected_at: datetime | None = Field(description="When it calls again by itself, as far as it said.")
    can_be_woken: bool
    in_session: bool
    turned_away_at: datetime | None = Field(description="When somebody failed to sign in as it, since its last call.")
    turned_away_why: str | None = Field(description="`credentials`, `certificate`, `weak`, …")


class StrangerOut(Wire):
    """A device that calls and is not registered. Nothing of it is proved but for `certificate`."""

    device: str
    address: str
    user: str
    certificate: bool = Field(description="It has a client certificate of the provider's own authority.")
    first: datetime
    last: datetime
    times: int


@routes.get("/v1/cpes", operation_id="list_cpes", summary="Routers that speak TR-069")
async def list_cpes(auth: Caller, service: Service, desk: Desk) -> list[CpeOut]:
    """For everybody but auditors."""
    await service.routers(auth)  # the same rule as for the inventory
    return [_out(cpe, desk) for cpe in desk.known()]


@routes.get("/v1/cpes/strangers", operation_id="list_strangers", summary="Devices that call and are not registered")
async def list_strangers(auth: Caller, desk: Desk) -> list[StrangerOut]:
    """For operators, who may register one."""
    operators_only(auth)
    return [StrangerOut(**{name: getattr(one, name) for name in StrangerOut.model_fields}) for one in desk.strangers()]


@routes.post("/v1/cpes", operation_id="add_cpe", status_code=201, summary="Register a router that speaks TR-069")
async def add_cpe(auth: Caller, service: Service, admin: Admin, desk: Desk, new: NewCpe) -> CpeAdded:
    """With how it signs in at the gateway, and how its subscriber is reached."""
    operators_only(auth)
    if PLATFORM not in service.parts.definitions:
        raise BadRequest("This gateway has no platform cwmp.")
    if new.certificate_name is not None and new.password is not None:
        raise BadRequest("A router signs in with a password or with a certificate; give one of them.")
    user, certified = new.user or new.device, new.certificate_name is not None
    credential, sign_in = _sign_in(user, new.password, by_certificate=certified)
    entry = RouterEntry(
        name=new.name,
        platform=PLATFORM,
        address="",
        port=0,
        host_key="",
        credential=credential,
        subscriber_ref=new.subscriber_ref,
        lan=new.lan,
        device=new.device,
        certificate_name=new.certificate_name or "",
    )
    contact = None if new.contact is None else (new.contact.kind, new.contact.address)
    language: Language = "en" if new.contact is None else new.contact.language
    router = await admin.add_router(auth, entry, contact=contact, language=language)
    return CpeAdded(router=router_out(router), device=new.device, acs_url=desk.acs_url, sign_in=sign_in)


@routes.post("/v1/cpes/{name}/sign-in", operation_id="new_sign_in", summary="How a CPE signs in from now on")
async def new_sign_in(auth: Caller, admin: Admin, name: Name, new: NewSignIn, desk: Desk) -> SignIn:
    """Replaces user name and password. The router has to be told before it can call again."""
    operators_only(auth)
    known = {cpe.router_name: cpe for cpe in desk.known()}.get(name)
    if known is None:
        raise BadRequest(f"There is no router called {name} that speaks TR-069.")
    if known.certificate_name:
        raise BadRequest(
            f"{name} signs in with its client certificate ({known.certificate_name}). To change that, remove the "
            "router and add it again."
        )
    credential, sign_in = _sign_in(new.user or known.user or known.device_key, new.password, by_certificate=False)
    await admin.set_credential(auth, name, credential)
    return sign_in


def _sign_in(user: str, password: str | None, *, by_certificate: bool) -> tuple[Credential, SignIn]:
    """What is stored, and what is told: a password that was given is not told back."""
    if by_certificate:
        return Credential(user=user), SignIn(by="certificate", user=user, password=None)
    made = None if password is not None else secrets.token_urlsafe(18)
    return Credential(user=user, password=password or made), SignIn(by="password", user=user, password=made)


def _out(cpe: KnownCpe, desk: CpeDesk) -> CpeOut:
    expected = None
    if cpe.informed_at is not None and cpe.inform_seconds:
        expected = cpe.informed_at + timedelta(seconds=cpe.inform_seconds)
    turned = desk.turned_away(cpe.router_id)
    return CpeOut(
        router=cpe.router_name,
        device=cpe.device_key,
        model=ROOTS.get(cpe.root),
        software=cpe.software or None,
        identity=cpe.identity or None,
        informed_at=cpe.informed_at,
        expected_at=expected,
        can_be_woken=bool(cpe.cr_url and cpe.cr_password),
        in_session=desk.in_session(cpe.router_id),
        turned_away_at=None if turned is None else turned.at,
        turned_away_why=None if turned is None else turned.why,
    )
