"""The ordering oracle: random scripts against a router that numbers what it receives, and a log that numbers what is
durable, from one sequence. `violations` lists every byte that was there before its record.

The harness proves itself: with `order="swapped"` a journal hands out the proof before the entry is durable, and the
oracle must see it.
"""

import asyncio
import contextlib
import errno
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from audit._mint import KEY
from audit.command import NewCommand, RecordedCommand
from audit.entry import Kind
from audit.errors import AuditError, RecordFailed, RecordRefused
from audit.journal import Journal
from audit.leaf import parse
from audit.store import Batch
from audit.stores.memory import MemoryEntryStore
from config.clock import SystemClock
from drivers.fakes import FakeDriver, FakeReply
from drivers.session import Shape
from gateway.session.terminal import FakeTerminal, TerminalTraits
from tests.stage import Stage, stage


@dataclass(frozen=True)
class Lane:
    """Scripts that are played one after another on a router of their own, beside those of the other lanes."""

    router: str
    platform: str
    shape: Shape
    allowed: tuple[str, ...]
    denied: tuple[str, ...]


IOS_ALLOWED = (
    "show version",
    "sh ip int br",
    "show clock",
    "show ip route",
    "ping 9.9.9.9",
    "show interfaces | i CRC|drops",
)
IOS_DENIED = (
    "telnet 192.168.1.9",
    "192.168.1.9",
    "copy run tftp:",
    "show tech | redirect tftp://x/y",
    "xyzzy",
    "show ;",
)
LANES = (
    Lane("r-1", "ios", "shell", IOS_ALLOWED, IOS_DENIED),
    Lane("r-2", "ios", "shell", IOS_ALLOWED, IOS_DENIED),
    Lane("r-3", "openwrt", "exec", ("uptime", "logread", "ping -c 2 9.9.9.9"), ("ssh pi@192.168.1.9", "xyzzy")),
)


class OrderedStore(MemoryEntryStore):
    """Numbers the moment at which each entry is durable; can be slow, and can fail like a disk."""

    def __init__(self, next_number: Callable[[], int], rng: random.Random) -> None:
        super().__init__()
        self._next_number = next_number
        self._rng = rng
        self.durable: dict[int, int] = {}
        self.fail_after: int | None = None

    def append(self, batch: Batch) -> None:
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                self.fail = OSError(self._rng.choice((errno.EIO, errno.ENOSPC)), "injected")
        if self._rng.random() < 0.2:
            time.sleep(self._rng.random() * 0.002)  # a disk takes its time; the event loop goes on meanwhile
        super().append(batch)
        moment = self._next_number()
        for row in batch.entries:
            self.durable[row.index] = moment


class SwappedJournal(Journal):
    """Wrong on purpose: the proof comes first, the record follows."""

    _guess = itertools.count(10_000_000)

    async def append_command(self, command: NewCommand) -> RecordedCommand:
        loop = asyncio.get_running_loop()
        self._recordings = getattr(self, "_recordings", [])
        proper = super().append_command

        async def later() -> None:
            await asyncio.sleep(0.001)
            with contextlib.suppress(AuditError):
                await proper(command)

        self._recordings.append(loop.create_task(later()))
        return RecordedCommand(
            wire=command.wire,
            session=command.session,
            consent_ref=command.consent_ref,
            entry_index=self._store.size(),
            n=0,
            generation=self.generation,
            purpose=command.purpose,
            mint=KEY,
        )

    def why_ended(self, command: RecordedCommand) -> str | None:
        return None


@dataclass
class World:
    """One gateway with its oracle."""

    seed: int
    order: str = "proper"
    rng: random.Random = field(init=False)
    store: OrderedStore = field(init=False)
    driver: FakeDriver = field(init=False)
    stage: Stage = field(init=False)
    scripts: int = 0
    revoked: int = 0
    killed: int = 0
    broken: bool = False

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        count = itertools.count()
        self.store = OrderedStore(count.__next__, random.Random(self.seed + 1))
        self.driver = FakeDriver(next_number=count.__next__, respond=self._respond)
        kind = Journal if self.order == "proper" else SwappedJournal
        journal = kind.in_memory(SystemClock(), store=self.store)
        self.stage = stage(store=self.store, driver=self.driver, journal=journal)
        self.stage.store = self.store

    def _respond(self, wire: bytes) -> FakeReply:
        return FakeReply(output=b"line of output\r\n" * self.rng.randrange(4))

    def close(self) -> None:
        try:
            self.stage.journal.close()
        except AuditError:
            assert self.broken

    async def run(self, scripts: int, *, fail: bool) -> None:
        """Play `scripts` random scripts in each lane; with `fail` the journal breaks somewhere on the way."""
        auth = await self.stage.person("rep")
        boss = await self.stage.person("boss", "supervisor")
        if fail:
            self.store.fail_after = self.rng.randrange(
                20, 6 * len(LANES) * scripts
            )  # batches; a script makes about seven
        await asyncio.gather(*(self._play(lane, scripts, auth, boss) for lane in LANES))

    async def _play(self, lane: Lane, scripts: int, auth, boss) -> None:
        router = self.stage.router(lane.router, lane.platform)
        for _ in range(scripts):
            try:
                await self._script(lane, auth, boss, router)
            except RecordFailed:
                self.broken = True
                return
            self.scripts += 1

    async def _script(self, lane: Lane, auth, boss, router) -> None:
        consent, case = await self.stage.consent(auth, router, sessions=2)
        terminal = FakeTerminal(TerminalTraits(pty=self.rng.random() < 0.7, asks=False))
        live = await self.stage.service.open(
            auth, router.name, terminal, shape=lane.shape, front_end="test", consent_id=consent.id
        )
        running = asyncio.create_task(self.stage.service.run(live))
        many = self.rng.randrange(4, 12) if lane.shape == "shell" else 1
        lines = [self.rng.choice(lane.allowed + lane.denied) for _ in range(many)]
        act = self.rng.choice(("revoke", "kill", "close", "gone", "interrupt", "none", "none"))
        moment = self.rng.randrange(len(lines))
        for number, line in enumerate(lines):
            live.line(line)
            if number == moment:
                await self._pause()
                await self._act(act, live, auth, boss, case)
            await self._pause()
        live.input_ended()
        await asyncio.wait_for(running, 20)
        current = await self.stage.consents.get(auth, consent.id)
        if current.ended_at is None:
            await self.stage.consents.close(auth, consent.id)

    async def _pause(self) -> None:
        """For some turns of the event loop, and now and then for as long as a sync may take."""
        for _ in range(self.rng.randrange(6)):
            await asyncio.sleep(0)
        if self.rng.random() < 0.2:
            await asyncio.sleep(self.rng.random() * 0.003)

    async def _act(self, act: str, live, auth, boss, case) -> None:
        if act == "interrupt":
            live.interrupt()
        elif act == "gone":
            live.end("gone")
        elif act == "revoke":
            await self.stage.consents.revoke(case)
            self.revoked += 1
        elif act == "close":
            await self.stage.consents.close(auth, case.consent_id)
        elif act == "kill" and self.stage.live.get(live.id) is not None:
            with contextlib.suppress(RecordRefused):  # it ended by itself in the same moment
                await self.stage.service.kill(boss, live.id)
                self.killed += 1

    def violations(self) -> list[str]:
        """Every command byte that a router had before, or without, its durable entry; and every late or double one."""
        found: list[str] = []
        heads = {row.index: parse(row.head) for row in self.store.entries(0, self.store.size())}
        ends: dict[str, int] = {}
        closed: dict[str, int] = {}
        for index, head in heads.items():
            if head.kind in {Kind.CONSENT_REVOKED, Kind.CONSENT_EXPIRED, Kind.CONSENT_CLOSED}:
                ends[head.consent_ref or ""] = index
            if head.kind in {Kind.SESSION_KILLED, Kind.SESSION_CLOSED} and head.session is not None:
                closed.setdefault(head.session, index)
        sent: set[int] = set()
        for received in self.driver.received:
            command = received.command
            where = f"seed {self.seed} sequence {received.sequence} entry {command.entry_index}"
            durable = self.store.durable.get(command.entry_index)
            head = heads.get(command.entry_index)
            if durable is None or durable > received.sequence:
                found.append(f"{where}: at the router before it was durable")
            elif head is None or head.kind is not Kind.CMD_INTENT or head.session != command.session:
                found.append(f"{where}: its entry is not its own")
            if command.entry_index in sent:
                found.append(f"{where}: sent twice")
            sent.add(command.entry_index)
            if command.entry_index > ends.get(command.consent_ref, 1 << 60):
                found.append(f"{where}: recorded after its consent had ended")
            if command.entry_index > closed.get(command.session, 1 << 60):
                found.append(f"{where}: recorded after its session had ended")
        return found
