"""`/v1/routers`: the inventory; `/v1/host-keys`: what key a router shows, before it is pinned.

Changes are for operators. Credentials go in and never come out.
"""

import hashlib
from base64 import b64decode, b64encode
from typing import Annotated, TypeAlias

from fastapi import Path
from pydantic import Field

from drivers.algorithms import LEGACY
from drivers.session import Credential, Target
from gateway.access.identity import Authenticated, Router
from gateway.api.fields import NUMBER, Address, Id, KeyLine, Language, Platform, RouterName, Wire
from gateway.api.given import Admin, Caller, Probing, Service, guarded
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.session.admin import ContactKind, RouterEntry
from gateway.session.service import AccessService

routes = guarded("routers")

Name: TypeAlias = Annotated[RouterName, Path(description="Name of the router.")]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535), NUMBER]
Legacy: TypeAlias = Annotated[
    tuple[str, ...], Field(max_length=len(LEGACY), description="Old SSH algorithms that this router needs, by name.")
]
Secret: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]


class CredentialIn(Wire):
    """How the gateway logs in. Sealed at rest; never shown again."""

    user: str = Field(min_length=1, max_length=64)
    password: Secret | None = None
    private_key: str | None = Field(None, min_length=1, max_length=16_384, description="OpenSSH private key.")
    enable_password: Secret | None = None


class ContactIn(Wire):
    """How the subscriber is reached."""

    kind: ContactKind
    address: str = Field(min_length=1, max_length=320, description="Mail address, or phone number in E.164.")
    language: Language = "en"


class NewRouter(Wire):
    """A router to be registered. Only the host key given here is ever accepted; compare it with the router first."""

    name: RouterName
    address: Address
    port: Port = 22
    host_key: KeyLine
    credential: CredentialIn
    platform: Platform | None = Field(None, description="Default: the gateway logs in and looks.")
    contact: ContactIn | None = None
    subscriber_ref: Id | None = Field(None, description="Of a subscriber who has another router here.")
    lan: tuple[Annotated[str, Field(max_length=64)], ...] = Field((), max_length=64, description="Home prefixes.")
    legacy_algorithms: Legacy = ()


class RouterOut(Wire):
    """A router of the inventory."""

    id: str
    name: RouterName
    platform: str
    subscriber_ref: str = Field(description="Pseudonym of the subscriber.")
    lan: tuple[str, ...] = Field(description="The subscriber's own prefixes.")


class HostKeyIn(Wire):
    """Another host key to pin."""

    host_key: KeyLine


class Place(Wire):
    """Where to look."""

    address: Address
    port: Port = 22
    legacy_algorithms: Legacy = ()


class OfferedKey(Wire):
    """What the router shows now. Nothing is pinned."""

    host_key: str
    fingerprint: str = Field(description="As `ssh-keygen -l` prints it.", examples=["SHA256:…"])


def router_out(router: Router) -> RouterOut:
    """A router without anything secret."""
    return RouterOut(**{name: getattr(router, name) for name in RouterOut.model_fields})


@routes.get("/v1/routers", operation_id="list_routers", summary="The inventory")
async def list_routers(auth: Caller, service: Service) -> list[RouterOut]:
    """For everybody but auditors."""
    return [router_out(router) for router in await service.routers(auth)]


@routes.post("/v1/routers", operation_id="add_router", status_code=201, summary="Register a router")
async def add_router(auth: Caller, service: Service, admin: Admin, probing: Probing, new: NewRouter) -> RouterOut:
    """With its host key, the gateway's credential, and how its subscriber is reached."""
    operators_only(auth)
    _check_algorithms(new.legacy_algorithms)
    platform = new.platform or await _detected(auth, admin, probing, new)
    _check_platform(service, platform)
    entry = RouterEntry(
        name=new.name,
        platform=platform,
        address=new.address,
        port=new.port,
        host_key=new.host_key,
        credential=_credential(new.credential),
        subscriber_ref=new.subscriber_ref,
        lan=new.lan,
        legacy_algorithms=frozenset(new.legacy_algorithms),
    )
    contact = None if new.contact is None else (new.contact.kind, new.contact.address)
    language: Language = "en" if new.contact is None else new.contact.language
    return router_out(await admin.add_router(auth, entry, contact=contact, language=language))


@routes.delete("/v1/routers/{name}", operation_id="remove_router", status_code=204, summary="Forget a router")
async def remove_router(auth: Caller, admin: Admin, name: Name) -> None:
    """With its credential. What was done on it stays in the evidence."""
    await admin.remove_router(auth, name)


@routes.put("/v1/routers/{name}/credential", operation_id="set_credential", status_code=204, summary="New credential")
async def set_credential(auth: Caller, admin: Admin, name: Name, credential: CredentialIn) -> None:
    """Replaces how the gateway logs in, all of it."""
    await admin.set_credential(auth, name, _credential(credential))


@routes.put("/v1/routers/{name}/host-key", operation_id="set_host_key", status_code=204, summary="Pin a host key")
async def set_host_key(auth: Caller, admin: Admin, name: Name, new: HostKeyIn) -> None:
    """After a router was replaced, and the new key compared with it."""
    await admin.set_host_key(auth, name, new.host_key)


@routes.put("/v1/routers/{name}/contact", operation_id="set_contact", status_code=204, summary="New contact")
async def set_contact(auth: Caller, service: Service, admin: Admin, name: Name, new: ContactIn) -> None:
    """Replaces how the subscriber of the router is reached."""
    operators_only(auth)
    router = await service.parts.directory.router_by_name(name)
    if router is None:
        raise BadRequest(f"There is no router called {name}.")
    await admin.set_contact(auth, router, new.kind, new.address, new.language)


@routes.post("/v1/host-keys", operation_id="read_host_key", summary="Which host key a router shows")
async def read_host_key(auth: Caller, probing: Probing, place: Place) -> OfferedKey:
    """Connects, logs in nowhere, pins nothing. A person compares the fingerprint with the router."""
    operators_only(auth)
    _check_algorithms(place.legacy_algorithms)
    if probing is None:
        raise Unavailable("This gateway cannot look at routers; read the host key on the router itself.")
    key = await probing.fetch_host_key(place.address, place.port, legacy_algorithms=frozenset(place.legacy_algorithms))
    return OfferedKey(host_key=key, fingerprint=fingerprint(key))


def fingerprint(key: str) -> str:
    """As `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(b64decode(key.split()[1])).digest()
    return "SHA256:" + b64encode(digest).decode().rstrip("=")


async def _detected(auth: Authenticated, admin: Admin, probing: Probing, new: NewRouter) -> str:
    """The platform, seen by logging in with the pinned key. What is asked of the router is on record before."""
    if probing is None:
        raise BadRequest("Name the platform; this gateway cannot look at routers by itself.")
    target = Target(
        router_id="",
        name=new.name,
        platform="",
        address=new.address,
        port=new.port,
        host_key=new.host_key,
        credential=_credential(new.credential),
        legacy_algorithms=frozenset(new.legacy_algorithms),
    )

    async def before(sent: bytes) -> None:
        await admin.record_probe(auth, new.name, new.address, sent)

    found = await probing.detect_platform(target, before_probe=before)
    if found is None:
        raise BadRequest("What platform the router is cannot be told from what it shows; name it.")
    return found


def operators_only(auth: Authenticated) -> None:
    """Raises `NotAllowed` for everybody else."""
    if auth.principal.role != "operator":
        raise NotAllowed("Only an operator may change people and routers.")


def _check_platform(service: AccessService, platform: str) -> None:
    known = service.parts.definitions
    if platform not in known:
        raise BadRequest(f"There is no platform of that name; known are {', '.join(sorted(known))}.")


def _check_algorithms(names: tuple[str, ...]) -> None:
    if set(names) - LEGACY.keys():
        raise BadRequest(f"legacy_algorithms: known are {', '.join(LEGACY)}.")


def _credential(given: CredentialIn) -> Credential:
    return Credential(**given.model_dump())
