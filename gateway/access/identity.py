"""Who somebody is (`Principal`), how they proved it (`Authenticated`), what they may now open (`AccessGrant`)."""

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from drivers.session import Target
from gateway.access._mint import KEY
from gateway.policy.verdict import Rights, Site

Role = Literal["rep", "supervisor", "reviewer", "auditor", "automation", "operator"]
Factor = Literal["key", "certificate", "totp", "fido2", "token", "peer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or machine identity known to the gateway."""

    id: str
    name: str
    """Login name, unique, `[a-z0-9][a-z0-9._-]{0,31}`."""
    role: Role
    alias: str
    """Stable pseudonym shown to subscribers ("Rep 7F3A")."""
    disabled: bool = False
    totp_enrolled: bool = False
    training_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """Proof of identity. Made by `gateway.access.authenticate` only."""

    principal: Principal
    factors: frozenset[Factor]
    when: datetime
    source: str = field(repr=False)
    """Where from (address of the client); personal, goes into `who` only."""
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not KEY:
            raise TypeError("Authenticated is made by gateway.access.authenticate only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A router of the inventory, without its credential."""

    id: str
    name: str
    """What a rep types: unique, `[a-z0-9][a-z0-9._-]{0,62}`."""
    platform: str
    subscriber_ref: str
    """Pseudonym of the subscriber (ULID)."""
    lan: tuple[str, ...] = ()
    """The subscriber's prefixes, in addition to the provider's list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """Permission to open one session. Made by `gateway.access.authorize` only; carries what the session needs."""

    principal: Principal
    target: Target
    router: Router
    consent_ref: str
    rights: Rights
    site: Site
    mint: InitVar[object]

    @property
    def deadline(self) -> datetime:
        """When every command is refused."""
        return self.rights.deadline

    def __post_init__(self, mint: object) -> None:
        if mint is not KEY:
            raise TypeError("AccessGrant is made by gateway.access.authorize only")


class Directory(Protocol):
    """Who and what is known. Implemented by `gateway.state`; a fake ships in `gateway.access.fakes`."""

    async def principal_by_key(self, public_key: str) -> Principal | None:
        """By OpenSSH public key line (type and base 64 only)."""
        ...

    async def principal_by_name(self, name: str) -> Principal | None: ...

    async def principal_by_uid(self, uid: int) -> Principal | None:
        """By Unix user id, for the local socket."""
        ...

    async def principal_by_token(self, token: str) -> Principal | None:
        """By service-account token; compared hashed, in constant time."""
        ...

    async def totp_secret(self, principal_id: str) -> str | None:
        """Base 32 secret, unsealed."""
        ...

    async def accept_totp_step(self, principal_id: str, step: int) -> bool:
        """Remember that this time step was used; false if it or a later one was used before (replay)."""
        ...

    async def router_by_name(self, name: str) -> Router | None: ...

    async def routers(self) -> list[Router]: ...

    async def target(self, router_id: str) -> Target | None:
        """With the credential unsealed. Call only when a session is about to open."""
        ...
