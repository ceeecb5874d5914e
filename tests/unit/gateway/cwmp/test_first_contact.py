"""An ACS that discovers a CPE as the common ones do: names level by level, values in batches, then its own wishes.

It is stopped by any fault, as ACSs are that give up a whole task then. The shipped profile lets it through to the end.
"""

from collections import deque
from typing import Final

import pytest

from audit.entry import Kind
from drivers.cwmp.codec.envelope import decode
from drivers.cwmp.messages import Done, Fault, Names, Values
from drivers.cwmp.wire.http import HttpRequest
from drivers.lab.cpe.config import FAST, CpeConfig
from drivers.lab.cpe.cpe import SimulatedCpe
from gateway.cwmp.scripted_acs import Say, ScriptedAcs, Step
from gateway.cwmp.upstream import upstream_acs
from tests.cwmp_house import ACCEPTED, PASSWORD, USER, CwmpHouse, ann, get, id_of, method_in, soap, value

BATCH: Final = 32
OVER: Final = Say(status=204, close=True)
ROOTS: Final = {"tr181": "Device.", "tr098": "InternetGatewayDevice."}
HOSTS: Final = {"tr181": "Device.Hosts.", "tr098": "InternetGatewayDevice.LANDevice.1.Hosts."}


def names(path: str) -> str:
    asked = f"<ParameterPath>{path}</ParameterPath><NextLevel>1</NextLevel>"
    return f"<cwmp:GetParameterNames>{asked}</cwmp:GetParameterNames>"


def wishes(root: str) -> str:
    """What ACSs write at the first contact: how the CPE is woken and when it calls."""
    server = f"{root}ManagementServer."
    listed = (
        value(f"{server}ConnectionRequestUsername", "00D09E-Lab-0001"),
        value(f"{server}ConnectionRequestPassword", "3k2j1h"),
        value(f"{server}PeriodicInformEnable", "true", "xsd:boolean"),
        value(f"{server}PeriodicInformInterval", "300", "xsd:unsignedInt"),
        value(f"{server}PeriodicInformTime", "2026-01-01T00:00:00.000Z", "xsd:dateTime"),
    )
    return (
        f'<cwmp:SetParameterValues><ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[{len(listed)}]" '
        'xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/">'
        f"{''.join(listed)}</ParameterList><ParameterKey></ParameterKey></cwmp:SetParameterValues>"
    )


class Explorer:
    """Asks for one level after the other, then for all values, then sets what it wants. `known`: objects that it saw
    before the gateway stood in between, and looks into again."""

    def __init__(self, root: str, *known: str) -> None:
        self.root = root
        self.open: deque[str] = deque(("", *known))
        self.leaves: deque[str] = deque()
        self.values: dict[str, str] = {}
        self.seen: set[str] = set()
        self.told: dict[str, int] = {}
        self.stopped = ""
        self.wished = False
        self._asked = ""

    def __call__(self, request: HttpRequest) -> Step:
        method = method_in(request.body)
        if method in ACCEPTED:
            return Say(soap(ACCEPTED[method], id_of(request.body)))
        if request.body:
            self._learn(request.body)
        ask = "" if self.stopped else self._next()
        return Say(soap(ask, "18e5c3a1f0100")) if ask else OVER

    def _learn(self, body: bytes) -> None:
        match decode(body, sender="cpe").message:
            case Fault(code=code, text=text):
                self.stopped = f"{code} {text} after {self._asked}"
            case Names(infos=infos):
                self.told[self._asked] = len(infos)
                for info in infos:
                    self.seen.add(info.name)
                    (self.open if info.name.endswith(".") else self.leaves).append(info.name)
            case Values(values=values):
                self.values.update({one.name: one.value for one in values})
            case Done():
                self.wished = True

    def _next(self) -> str:
        while self.open:
            self._asked = self.open.popleft()
            if self._asked not in self.told:
                return names(self._asked)
        if self.leaves:
            batch = [self.leaves.popleft() for _ in range(min(BATCH, len(self.leaves)))]
            self._asked = batch[0]
            return get(*batch)
        self._asked = "wishes"
        return "" if self.wished else wishes(self.root)


@pytest.mark.parametrize(("model", "sign_in"), [("tr181", ""), ("tr098", "digest")])
async def test_an_acs_gets_to_know_a_cpe_without_a_fault(model, sign_in):
    root, hosts = ROOTS[model], HOSTS[model]
    explorer = Explorer(root, hosts, f"{hosts}Host.")
    async with (
        ScriptedAcs(explorer, sign_in=sign_in, users={USER: PASSWORD}) as acs,
        CwmpHouse(upstream_acs(acs.url), ann(device_key="00D09E-Lab-0001")) as house,
        SimulatedCpe(CpeConfig(acs=house.url, user=USER, password=PASSWORD, model=model, pace=FAST)) as cpe,
    ):
        await cpe.booted()
        assert explorer.stopped == ""
        assert explorer.wished
        assert cpe.values[f"{root}ManagementServer.ConnectionRequestPassword"] == "3k2j1h"
        known = house.directory.by_device("00D09E-Lab-0001")
        assert known is not None
        assert (known.cr_user, known.cr_password) == ("00D09E-Lab-0001", "3k2j1h")
        # Nothing of the household: not seen on the way, nothing below what was known before, no secret's value.
        assert not [name for name in explorer.seen if ".Hosts." in name]
        assert explorer.told[hosts] == explorer.told[f"{hosts}Host."] == 0
        assert len(explorer.values) > 100
        assert not [name for name, text in explorer.values.items() if "Passphrase" in name and text]
        assert {one["rule"] for one in house.entries(Kind.RPC_BLOCKED)} == {"machine.m-home"}
        assert hosts.encode() not in b"".join(one.body for one in cpe.received if one.method == "GetParameterNames")
