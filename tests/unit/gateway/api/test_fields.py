"""What can be said about a value by itself."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.api.fields import Address, Count, Id, KeyLine, PersonName, RouterName, Time, Wire


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Id | None = None
    router: RouterName | None = None
    person: PersonName | None = None
    address: Address | None = None
    key: KeyLine | None = None
    count: Count | None = None
    time: Time | None = None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "01JD8ZC4T7M2W3X5Y6Z7A8B9C0"),
        ("router", "r-10442"),
        ("router", "a" * 63),
        ("person", "a.b_c-d"),
        ("address", "203.0.113.77"),
        ("address", "2001:db8::1"),
        ("address", "cpe-1.isp.example"),
        ("key", "ssh-ed25519 AAAAC3Nz"),
        ("key", "sk-ssh-ed25519@openssh.com AAAA+/== josé@laptop of mine"),
        ("count", 1),
        ("count", 5.0),
        ("time", "2026-01-31T12:00:00Z"),
        ("time", "2026-01-31T12:00:00-05:00"),
    ],
)
def test_right_ones(field, value):
    Everything(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "01jd8zc4t7m2w3x5y6z7a8b9c0"),
        ("id", "01JD8ZC4T7M2W3X5Y6Z7A8B9C0\n"),
        ("id", "81JD8ZC4T7M2W3X5Y6Z7A8B9C0"),
        ("router", ""),
        ("router", "-r"),
        ("router", "R1"),
        ("router", "r\n"),
        ("router", "a" * 64),
        ("person", "a/b"),
        ("address", "a b"),
        ("address", "a..b"),
        ("address", "-oProxyCommand=x"),
        ("address", "127.1"),
        ("address", "0x7f000001"),
        ("address", "2130706433"),
        ("address", "cpe.isp.example."),
        ("address", "cpe\n"),
        ("key", "ssh-ed25519"),
        ("key", "ssh-ed25519 AAAA\nssh-ed25519 BBBB"),
        ("key", 'command="x" ssh-ed25519 AAAA'),
        ("count", 0),
        ("count", 1.5),
        ("count", "5"),
        ("count", True),
        ("time", "2026-01-31T12:00:00"),
        ("time", 1769860800),
        ("time", "tomorrow"),
        ("unknown", 1),
    ],
)
def test_wrong_ones(field, value):
    with pytest.raises(ValidationError):
        Everything(**{field: value})


def test_objects_are_closed_and_stay_as_they_are():
    class Thing(Wire):
        a: int = 1

    with pytest.raises(ValidationError):
        Thing(b=2)
    with pytest.raises(ValidationError):
        Thing().a = 2
