"""The shapes that requests and answers are made of: frozen, unknown keys refused, ids and names checked.

Only what can be said about a value by itself stands here; whether a router or person exists is for the use cases.
"""

import ipaddress
import re
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway.access.identity import Role
from gateway.consent.model import Language

LONGEST_LINE: Final = 4096
"""Characters of one command line."""


class Wire(BaseModel):
    """One JSON object, in or out. Immutable; a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _text_only(value: object) -> object:
    """Pydantic would take a number for a time; the wire has RFC 3339 text only."""
    if isinstance(value, int | float):
        raise ValueError("a time is written as text, for example 2026-01-31T12:00:00Z")  # noqa: TRY004  pydantic's way
    return value


def _number_only(value: object) -> object:
    """Pydantic would take text and true for a number. JSON has one kind of number: 5.0 is 5."""
    if isinstance(value, str | bool):
        raise ValueError("a number is written without quotes")  # noqa: TRY004
    return value


NUMBER: Final = BeforeValidator(_number_only)
"""MUST stand behind `Field`, or the description loses its limits."""

_HOST: Final = r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){0,16}[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
"""Host names; the last part begins with a letter. What looks like a number is an odd spelling of an address."""


def _address(value: str) -> str:
    """It is looked up before the inventory sees it, so what is no address MUST stop here."""
    try:
        ipaddress.ip_address(value)
    except ValueError as error:
        if re.fullmatch(_HOST, value) is None:
            raise ValueError("is neither an IP address nor a host name") from error
    return value


_ADDRESS_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "maxLength": 253,
    "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": f"^{_HOST}$"}],
    "examples": ["203.0.113.77"],
}


Id: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", examples=["01JD8ZC4T7M2W3X5Y6Z7A8B9C0"], description="ULID.")
]
RouterName: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", examples=["r-10442"], description="Name of a router.")
]
PersonName: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$", examples=["alice"], description="Login name.")
]
Platform: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", examples=["openwrt"], description="Name of a platform.")
]
Capability: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9._]{1,64}$", examples=["lan.hosts.read"], description="Name of a capability.")
]
Address: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=253), AfterValidator(_address), WithJsonSchema(_ADDRESS_SCHEMA)
]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=4000)]
"""Free text; the use case says how long it may be at most and what it may hold."""
Line: TypeAlias = Annotated[str, Field(max_length=LONGEST_LINE)]
"""A command line without its end. What it holds is judged, and recorded, where every line is: by the mediator."""
KeyLine: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9@.-]{1,64} [A-Za-z0-9+/=]{1,8192}( [^\x00-\x1f\x7f]{0,256})?$",
        description="OpenSSH public key line.",
        examples=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHTHeQpGjDL2YaVZyOoxgV2Ph80OPxkaWvVj6gdlErhI alice@laptop"],
    ),
]
Time: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_text_only)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=10_000), NUMBER]

__all__ = [
    "LONGEST_LINE",
    "NUMBER",
    "Address",
    "Capability",
    "Count",
    "Id",
    "KeyLine",
    "Language",
    "Line",
    "PersonName",
    "Platform",
    "Role",
    "RouterName",
    "Text",
    "Time",
    "Wire",
]
