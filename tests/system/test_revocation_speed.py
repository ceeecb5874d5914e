"""A revocation or a kill closes a live session: p99 under a second with 100 sessions, and nothing is sent after it."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from audit.entry import Kind
from audit.reader import StoredEntry
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from gateway.demo.players import Subscriber
from tests.crowd import Client, Crowd, Kept, closing_seconds, percentile
from tests.crowd import Kind as Doing
from tests.evidence_checks import ends_of_sessions, mark_of, marks, open_evidence, recorded_marks
from tests.running import LoopThread, RunningGateway, browse

SESSIONS = 100
BYSTANDERS = 4
WAVE = 10
"""So many are ended at the same moment."""
BAR_SECONDS = 1.0
ARRIVAL_SLACK = 0.5
"""Seconds that a byte sent before may take to be noticed by the router, which shares its process with all clients."""

MIX: tuple[Doing, ...] = ("idle", "idle", "idle", "idle", "pinging", "pinging", "pinging", "deaf", "deaf", "typing")


@pytest.fixture
def slow_router() -> Iterator[OpenWrtRouter]:
    """Its ping takes a second a step, and its log is long. It has a loop of its own, beside that of the clients."""
    own = LoopThread()
    router = OpenWrtRouter(pause=1.0)
    for number in range(2000):
        router.system.note(f"daemon.info dnsmasq-dhcp[{number}]: DHCPACK(br-lan) with nothing more to say")
    own.run(router.__aenter__())
    yield router
    own.run(router.__aexit__(None, None, None))
    own.close()


@pytest.fixture
def arrived(slow_router: OpenWrtRouter) -> list[tuple[float, str]]:
    """When which command reached the router; wall time."""
    seen: list[tuple[float, str]] = []
    slow_router.wire.on_received = lambda data: seen.extend((time.time(), mark) for mark in marks(data))
    return seen


@pytest.mark.timeout(400)
def test_each_consent_with_a_session_of_its_own(
    tmp_path: Path, slow_router: OpenWrtRouter, loop_thread: LoopThread, arrived: list[tuple[float, str]]
) -> None:
    gateway = RunningGateway(tmp_path)
    names = [f"r-{number}" for number in range(SESSIONS + BYSTANDERS)]
    people = {"alice": "rep", "boss": "supervisor", "root": "operator"}
    gateway.prepare(people, [slow_router.target(name) for name in names])
    crowd = Crowd(gateway)
    with gateway:
        subscribers = loop_thread.run(_granted(gateway, crowd, names))
        loop_thread.run(_join_all(crowd, names))
        took = loop_thread.run(_end_all(gateway, crowd, subscribers))
        bystanders = crowd.clients[SESSIONS:]
        assert [client.kind for client in bystanders if client.closed.is_set()] == []
        loop_thread.run(crowd.leave())
        loop_thread.run(_close_all(list(subscribers.values())))
    _report("100 consents, ended in waves of 10", took)

    assert [client.status for client in crowd.clients[:SESSIONS]] == [exits.ENDED] * SESSIONS
    assert percentile(took, 99) < BAR_SECONDS
    _nothing_after_the_end(gateway, arrived)


@pytest.mark.timeout(400)
def test_one_consent_with_all_sessions(
    tmp_path: Path, slow_router: OpenWrtRouter, loop_thread: LoopThread, arrived: list[tuple[float, str]]
) -> None:
    gateway = RunningGateway(tmp_path)
    gateway.prepare({"alice": "rep"}, [slow_router.target("r-0")])
    crowd = Crowd(gateway)
    with gateway:
        _, subscriber = gateway.consent(loop_thread, "alice", "r-0", sessions=SESSIONS)
        loop_thread.run(_join_channels(crowd, "r-0"))
        took = loop_thread.run(_revoke_for_all(gateway, crowd, subscriber))
        loop_thread.run(crowd.leave())
    _report("one consent with 100 sessions, revoked once", took)

    assert [client.status for client in crowd.clients] == [exits.ENDED] * SESSIONS
    assert percentile(took, 99) < BAR_SECONDS
    _nothing_after_the_end(gateway, arrived)


# --- opening ----------------------------------------------------------------------------------------------------------


async def _granted(gateway: RunningGateway, crowd: Crowd, names: list[str]) -> dict[str, Subscriber]:
    """A consent for each router; the subscribers, at the page on which they can take it back."""
    control = await crowd.connect("alice", "vestibule")
    for name in names:
        asked = await control.run(f"request {name} --ticket T-1 --reason test --minutes 60")
        assert asked.exit_status == 0, asked.stderr
    links = {}
    for path in gateway.settings.outbox_dir.iterdir():
        text = path.read_text()
        found = re.search(r"https?://[^\s\"\\]+/l/[A-Za-z0-9_-]+", text)
        address = re.search(r"(r-\d+)@example\.org", text)
        if found and address:
            links[address[1]] = found[0]
    subscribers = {}
    for name in names:
        subscribers[name] = await browse(links[name])
        await subscribers[name].press("/grant", minutes="60")
    return subscribers


async def _join_all(crowd: Crowd, names: list[str]) -> None:
    """A connection and a session for each router."""
    for number, name in enumerate(names):
        connection = await crowd.connect("alice", name)
        await crowd.join(connection, Client(name, number, MIX[number % len(MIX)]))
    await crowd.settle()


async def _join_channels(crowd: Crowd, router: str) -> None:
    """Ten connections with ten sessions each."""
    for number in range(SESSIONS):
        if number % 10 == 0:
            connection = await crowd.connect("alice", router)
        await crowd.join(connection, Client(router, number, MIX[number % len(MIX)]))
    await crowd.settle()


# --- ending -----------------------------------------------------------------------------------------------------------


async def _end_all(gateway: RunningGateway, crowd: Crowd, subscribers: dict[str, Subscriber]) -> list[float]:
    """Half revoked by subscribers, a quarter killed over REST, a quarter over ssh; seconds until each was closed."""
    boss = await crowd.connect("boss", "vestibule")
    transport = httpx.AsyncHTTPTransport(uds=str(gateway.settings.api_socket))
    took: list[float] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://vestibule", timeout=30) as operator:
        live = {view["router"]: view["id"] for view in (await operator.get("/v1/sessions")).json()}
        assert len(live) == SESSIONS + BYSTANDERS

        async def kill_by_rest(session: str) -> None:
            assert (await operator.post(f"/v1/sessions/{session}/kill")).status_code == 204

        async def kill_by_ssh(session: str) -> None:
            assert (await boss.run(f"kill {session}")).exit_status == 0

        def act_on(client: Client, number: int) -> Callable[[], Awaitable[object]]:
            session = live[client.router]
            revoke = lambda: subscribers[client.router].press("/revoke")  # noqa: E731
            return (revoke, lambda: kill_by_rest(session), revoke, lambda: kill_by_ssh(session))[number % 4]

        doomed = crowd.clients[:SESSIONS]
        random.Random(5).shuffle(doomed)
        with _kept(gateway) as kept:
            for start in range(0, SESSIONS, WAVE):
                wave = enumerate(doomed[start : start + WAVE], start)
                took += await asyncio.gather(*(closing_seconds(client, act_on(client, n), kept) for n, client in wave))
    return took


async def _revoke_for_all(gateway: RunningGateway, crowd: Crowd, subscriber: Subscriber) -> list[float]:
    with _kept(gateway) as kept:
        begun = time.time()
        await subscriber.press("/revoke")
        async with asyncio.timeout(60):
            for client in crowd.clients:
                await client.closed.wait()
    return [client.seconds_since(begun, kept) for client in crowd.clients]


def _kept(gateway: RunningGateway) -> Kept:
    assert gateway.process is not None
    return Kept(gateway.process.pid)


async def _close_all(subscribers: list[Subscriber]) -> None:
    for subscriber in subscribers:
        await subscriber.close()


def _report(what: str, took: list[float]) -> None:
    shown = ", ".join(f"p{percent} {percentile(took, percent) * 1000:.0f} ms" for percent in (50, 90, 99, 100))
    print(f"\n{what}: {shown}")


# --- what the log says ------------------------------------------------------------------------------------------------


def _nothing_after_the_end(gateway: RunningGateway, arrived: list[tuple[float, str]]) -> None:
    """No command was recorded after the entry that ended its consent or session, and none came in after it."""
    with open_evidence(gateway) as reader:
        entries = list(reader.entries())
        recorded = recorded_marks(reader, entries)
        session_of = {
            mark_of(str(reader.sealed(entry.index, "act")["canonical"]).encode()): entry.session
            for entry in entries
            if entry.kind is Kind.CMD_INTENT
        }
    assert len(arrived) > 20, "hardly anything was typed"
    assert {mark for _, mark in arrived} <= recorded
    ends = _ends(entries)
    assert len(ends) >= SESSIONS
    for entry in entries:
        if entry.kind is Kind.CMD_INTENT and entry.session in ends:
            assert entry.index < ends[entry.session].index
    for moment, mark in arrived:
        end = ends.get(session_of[mark] or "")
        assert end is None or moment < end.time.timestamp() + ARRIVAL_SLACK
    reasons = ends_of_sessions(entries)
    assert reasons.count("revoked") + reasons.count("killed") == SESSIONS


def _ends(entries: list[StoredEntry]) -> dict[str, StoredEntry]:
    """By session the entry that ended it: its kill, or the revocation of its consent."""
    revoked = {entry.consent_ref: entry for entry in entries if entry.kind is Kind.CONSENT_REVOKED}
    ends = {e.session or "": revoked[e.consent_ref] for e in entries if e.session and e.consent_ref in revoked}
    return ends | {entry.session or "": entry for entry in entries if entry.kind is Kind.SESSION_KILLED}
