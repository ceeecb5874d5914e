"""A driver over a CPE in memory and a journal that numbers what it writes from the same sequence."""

import asyncio
import itertools
from dataclasses import dataclass, field

from drivers.cwmp.driver import CwmpDriver, CwmpSession
from drivers.cwmp.fake_trees import ROOTS
from drivers.cwmp.fakes import FakeCpe, FakeLinks
from drivers.cwmp.gate import OpenGate, ParameterGate
from drivers.cwmp.leftovers import MemoryLeftovers
from drivers.cwmp.plans.ground import FirmwareFile, Times
from drivers.cwmp.rules import FixedRules
from drivers.cwmp.words import words
from drivers.session import Credential, Target
from tests.unit.drivers.cwmp.rpc_journal import FakeRpcJournal
from tests.unit.drivers.minting import Minting

TARGET = Target(
    router_id="r1", name="home-1", platform="cwmp", address="", port=0, host_key="", credential=Credential(user="")
)
PROMPT = "home-1(tr181)> "
FIRMWARE = {"box7-4.3": FirmwareFile(name="box7-4.3", url="https://fw.isp.example/b7", size=9, sha256="ab" * 32)}


@dataclass
class DriverStage:
    """Everything around one driver."""

    model: str = "tr181"
    gate: ParameterGate = field(default_factory=OpenGate)
    hold_seconds: float = 20.0
    idle_seconds: float = 180.0

    def __post_init__(self) -> None:
        numbers = itertools.count().__next__
        root, make = ROOTS[self.model]
        self.cpe: FakeCpe = make()
        self.links = FakeLinks(cpes={"r1": self.cpe}, root=root, next_number=numbers)
        self.journal = FakeRpcJournal(next_number=numbers)
        self.leftovers = MemoryLeftovers()
        self.mint = Minting()
        self.driver = CwmpDriver(
            self.links,
            self.journal,
            lambda: FixedRules(self.gate, words()),
            leftovers=self.leftovers,
            firmware=FIRMWARE,
            times=Times(first_look=0.01, look_again=0.01, test=0.05, transfer=0.05),
            hold_seconds=self.hold_seconds,
            idle_seconds=self.idle_seconds,
        )

    async def shell(self) -> CwmpSession:
        session = await self.driver.open(TARGET, "shell")
        assert await until(session, "> ") == f"home-1({self.model})> "
        return session

    async def exec(self) -> CwmpSession:
        return await self.driver.open(TARGET, "exec")

    async def ask(self, session: CwmpSession, line: str) -> str:
        """What a line prints, without the prompt behind it."""
        await session.send(self.mint(f"{line}\n"))
        text = await until(session, f"home-1({self.model})> ")
        return text.removesuffix(f"home-1({self.model})> ")

    def early_bytes(self) -> list[str]:
        """RPCs whose first byte was there before their entry was durable; none, if all is well."""
        return [
            item.rpc.rpc_id
            for item in self.links.received
            if self.journal.durable.get(item.rpc.rpc_id, 1 << 60) > item.sequence
        ]


async def until(session: CwmpSession, end: str) -> str:
    seen = ""
    async with asyncio.timeout(5):
        while not seen.endswith(end):
            output = await session.read()
            assert output.data, f"the session ended after {seen!r}"
            seen += output.data.decode()
    return seen


async def to_the_end(session: CwmpSession) -> tuple[str, str]:
    streams = {False: "", True: ""}
    async with asyncio.timeout(5):
        while (output := await session.read()).data:
            streams[output.stderr] += output.data.decode()
    return streams[False], streams[True]
