"""`/v1/people`: people and machine identities, their keys, one-time codes and tokens. For operators.

Secrets that are made here are in one answer and nowhere else.
"""

from typing import Annotated, TypeAlias

from fastapi import Path
from pydantic import ConfigDict, Field, StrictBool

from gateway.access.identity import Authenticated, Principal
from gateway.api.fields import NUMBER, KeyLine, PersonName, Role, Time, Wire
from gateway.api.given import Admin, Caller, guarded
from gateway.errors import BadRequest
from gateway.session.admin import Administration

routes = guarded("people")

Name: TypeAlias = Annotated[PersonName, Path(description="Login name.")]
Fingerprint: TypeAlias = Annotated[
    str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the key, hexadecimal.", examples=["0" * 64])
]


class NewPerson(Wire):
    """Somebody to be known to the gateway."""

    name: PersonName
    role: Role
    key: KeyLine | None = None
    uid: Annotated[int, Field(ge=0, le=2**32 - 2), NUMBER] | None = Field(
        None, description="Unix user id on the gateway's machine, for the local socket."
    )
    training_until: Time | None = Field(None, description="After it sessions are refused. Default: no date.")


class PersonChange(Wire):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"minProperties": 1})

    disabled: StrictBool = False
    training_until: Time | None = None


class PersonOut(Wire):
    """Somebody known."""

    id: str
    name: PersonName
    role: Role
    alias: str = Field(description="What subscribers call them.")
    disabled: bool
    totp_enrolled: bool
    training_until: Time | None


class NewKey(Wire):
    """A further SSH key."""

    key: KeyLine


class KeyOut(Wire):
    """The key as the gateway knows it."""

    fingerprint: str = Field(description="SHA-256 of the key, hexadecimal.")


class TotpOut(Wire):
    """A secret. It is shown here and nowhere else."""

    secret: str = Field(description="Base 32, for an authenticator (RFC 6238, 30 s, 6 digits).")


class ServiceTokenOut(Wire):
    """A secret. It is shown here and nowhere else."""

    token: str


class RemovedOut(Wire):
    """How many there were."""

    removed: int


def person_out(principal: Principal) -> PersonOut:
    """Somebody as operators see them."""
    return PersonOut(**{name: getattr(principal, name) for name in PersonOut.model_fields})


@routes.get("/v1/people", operation_id="list_people", summary="Everybody, by name")
async def list_people(auth: Caller, admin: Admin) -> list[PersonOut]:
    """For operators, supervisors and auditors."""
    return [person_out(principal) for principal in await admin.persons(auth)]


@routes.post("/v1/people", operation_id="add_person", status_code=201, summary="Add a person or machine")
async def add_person(auth: Caller, admin: Admin, new: NewPerson) -> PersonOut:
    """With a first key, a Unix user id, or neither."""
    return person_out(
        await admin.add_person(auth, new.name, new.role, key=new.key, uid=new.uid, training_until=new.training_until)
    )


@routes.patch("/v1/people/{name}", operation_id="change_person", summary="Suspend, readmit, renew training")
async def change_person(auth: Caller, admin: Admin, name: Name, change: PersonChange) -> PersonOut:
    """`disabled` suspends or readmits; `training_until` sets the date, `null` takes it away."""
    if not change.model_fields_set:
        raise BadRequest("Nothing is to be changed; name disabled, training_until or both.")
    if "disabled" in change.model_fields_set:
        await admin.set_disabled(auth, name, change.disabled)
    if "training_until" in change.model_fields_set:
        await admin.set_training(auth, name, change.training_until)
    return await _person(auth, admin, name)


@routes.delete("/v1/people/{name}", operation_id="remove_person", status_code=204, summary="Remove somebody")
async def remove_person(auth: Caller, admin: Admin, name: Name) -> None:
    """With keys and tokens. What they did stays in the evidence."""
    await admin.remove_person(auth, name)


@routes.post("/v1/people/{name}/keys", operation_id="add_key", status_code=201, summary="Add an SSH key")
async def add_key(auth: Caller, admin: Admin, name: Name, new: NewKey) -> KeyOut:
    """The person may sign in with it at once."""
    return KeyOut(fingerprint=await admin.add_key(auth, name, new.key))


@routes.delete(
    "/v1/people/{name}/keys/{fingerprint}", operation_id="remove_key", status_code=204, summary="Remove an SSH key"
)
async def remove_key(auth: Caller, admin: Admin, name: Name, fingerprint: Fingerprint) -> None:
    """It stops working at once."""
    await admin.remove_key(auth, name, fingerprint)


@routes.post("/v1/people/{name}/totp", operation_id="enrol_totp", status_code=201, summary="Enrol a second factor")
async def enrol_totp(auth: Caller, admin: Admin, name: Name) -> TotpOut:
    """A fresh secret; an earlier one stops working."""
    return TotpOut(secret=await admin.enrol_totp(auth, name))


@routes.delete("/v1/people/{name}/totp", operation_id="remove_totp", status_code=204, summary="Drop a second factor")
async def remove_totp(auth: Caller, admin: Admin, name: Name) -> None:
    """For somebody who lost it."""
    await admin.remove_totp(auth, name)


@routes.post("/v1/people/{name}/tokens", operation_id="add_token", status_code=201, summary="Make a service token")
async def add_token(auth: Caller, admin: Admin, name: Name) -> ServiceTokenOut:
    """For machine identities only. Earlier tokens stay valid, so that they can be exchanged without a gap."""
    return ServiceTokenOut(token=await admin.new_token(auth, name))


@routes.delete("/v1/people/{name}/tokens", operation_id="remove_tokens", summary="Withdraw all service tokens")
async def remove_tokens(auth: Caller, admin: Admin, name: Name) -> RemovedOut:
    """They stop working at once."""
    return RemovedOut(removed=await admin.remove_tokens(auth, name))


async def _person(auth: Authenticated, admin: Administration, name: str) -> PersonOut:
    for principal in await admin.persons(auth):
        if principal.name == name:
            return person_out(principal)
    raise BadRequest(f"There is nobody called {name}.")
