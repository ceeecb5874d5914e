"""From a log to the index: what is found, what stays out, and going on where it ended."""

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from audit.command import NewCommand
from audit.entry import Kind, NewEntry
from audit.recording.recorder import Recorder
from audit.rpc import NewRpc
from audit.search.fts import FtsIndex
from audit.search.gather import Gatherer, month_of
from audit.search.index import LONGEST
from audit.search.indexer import Indexer, fill
from audit.search.memory import MemoryIndex
from audit.search.query import parse
from config.ids import new_id
from tests.rpcs_on_record import RADIO, SECRET, VALUE, add_rpcs


class Desk:
    """Writes one session as the gateway does."""

    def __init__(self, journal, clock):
        self.journal, self.clock = journal, clock
        self.session, self.consent, self.subscriber = new_id(), new_id(), new_id()

    async def append(self, kind, **more):
        return await self.journal.append(NewEntry(kind=kind, session=self.session, consent_ref=self.consent, **more))

    async def begin(self):
        await self.journal.append(NewEntry(kind=Kind.CONSENT_GRANTED, consent_ref=self.consent, retention="consent"))
        await self.append(
            Kind.SESSION_REQUESTED,
            sealed={
                "who": {"id": "P1", "name": "anna"},
                "subj": {"router": "r-17", "subscriber": self.subscriber},
            },
        )
        await self.append(Kind.SESSION_OPENED)
        self.recorder = Recorder(
            self.journal, session=self.session, consent_ref=self.consent, clock=self.clock, width=80, height=24
        )

    async def command(self, text, *lines, purpose="command", rpcs=False):
        recorded = await self.journal.append_command(
            NewCommand(
                session=self.session,
                consent_ref=self.consent,
                deadline=self.clock.now() + timedelta(hours=1),
                wire=text.encode(),
                typed=text,
                canonical=text,
                capability="show",
                rule_id="ios.show",
                policy_digest="00",
                purpose=purpose,
            )
        )
        self.recorder.output(f"r-17# {text}\r\n")
        self.recorder.command(recorded.n, text, "allow")
        for line in lines:
            self.clock.advance(0.4)
            self.recorder.output(f"{line}\r\n")
        if rpcs:
            await add_rpcs(self.journal, self.session, self.consent, recorded.n)
        first, last = (lines or ("",))[0], (lines or ("",))[-1]
        await self.append(
            Kind.CMD_RESULT,
            facts={"of": recorded.n, "outcome": "done"},
            sealed={"out": {"sha256": "", "first": first, "last": last}},
        )
        return recorded.n

    async def blocked(self, text):
        await self.append(
            Kind.CMD_BLOCKED, retention="strike", facts={"verdict": "deny"}, sealed={"act": {"typed": text}}
        )

    async def end(self):
        await self.recorder.close()
        await self.append(Kind.SESSION_CLOSED, facts={"reason": "closed"})


@pytest.fixture
async def desk(scene):
    desk = Desk(scene.in_memory(), scene.clock)
    await desk.begin()
    return desk


def found(index, text):
    return index.query(parse(text))


async def test_commands_output_and_refusals_are_found(desk):
    n = await desk.command("show interfaces", "GigabitEthernet0/1 is up", *["line"] * 12, "7 CRC errors", "bye")
    await desk.blocked("reload now")
    await desk.command("terminal length 0", purpose="preparation")
    await desk.end()
    index = MemoryIndex()
    assert fill(desk.journal.reader(), index) == desk.journal.reader().size == index.cursor
    (hit,) = found(index, "rep:anna router:r-17 interfaces")
    assert (hit.what, hit.n, hit.verdict, hit.session, hit.consent) == (
        "command", n, "allow", desk.session, desk.consent,
    )  # fmt: skip
    assert "GigabitEthernet0/1" in hit.output
    (crc,) = found(index, "interfaces crc")
    assert (crc.what, crc.n, crc.session) == ("output", n, desk.session)
    assert 4_000_000 < crc.at <= 5_600_000, "where the line appeared, to the second"
    (refused,) = found(index, "verdict:deny")
    assert refused.command == "reload now"
    assert found(index, "terminal") == [], "the gateway's own lines are not searched"
    assert found(index, f"subscriber:{desk.subscriber} verdict:allow") == [hit]


async def test_a_result_that_comes_later_completes_the_command(desk):
    index = MemoryIndex()
    reader = desk.journal.reader()
    gatherer = Gatherer(reader)
    await desk.command("show version", "Cisco IOS")
    for low in range(reader.size):
        index.add(gatherer.rows(low, low + 1))
    assert [hit.what for hit in found(index, "cisco version")] == ["command"]


@pytest.mark.parametrize("kind", ["memory", "fts"])
async def test_names_of_RPCs_are_found_and_values_of_them_are_not(desk, tmp_path, kind):
    n = await desk.command("show wifi", "ok", rpcs=True)
    await desk.end()
    index = MemoryIndex() if kind == "memory" else FtsIndex(tmp_path, desk.journal.origin)
    fill(desk.journal.reader(), index)
    written, read = found(index, "Device.WiFi.Radio rep:anna")
    assert {(hit.what, hit.n, hit.at, hit.command) for hit in (written, read)} == {("rpc", n, None, "show wifi")}
    assert written.output == RADIO, "the name alone: no value, no type"
    assert SECRET in read.output
    assert [hit.what for hit in found(index, "Device.IP")] == ["rpc"]
    assert {hit.what for hit in found(index, "show")} == {"command"}
    assert found(index, VALUE) == found(index, "unsignedInt") == found(index, '"channel 15"') == []
    index.close()


async def test_many_names_are_cut_into_rows(desk):
    names = [f"Device.Hosts.Host.{number}.HostName" for number in range(500)]
    session = {"session": desk.session, "consent_ref": desk.consent}
    of = NewRpc(
        rpc_id="v", method="GetParameterValues", wire=b"", purpose="command", of=2, kept={"names": names}, **session
    )
    await desk.journal.append_rpc(of)
    await desk.journal.append_rpc(replace(of, of=None, purpose="keepalive"))
    index = MemoryIndex()
    fill(desk.journal.reader(), index)
    rows = found(index, "Device.Hosts.Host")
    assert 1 < len(rows) < 20
    assert sorted("\n".join(row.output for row in rows).split("\n")) == sorted(names), (
        "none twice: keeping is no command"
    )
    assert max(len(row.output) for row in rows) <= LONGEST
    assert len({row.place for row in rows}) == len(rows)


async def test_output_can_be_left_out(desk):
    await desk.command("show interfaces", "first", "middle", "last")
    await desk.end()
    index = MemoryIndex()
    fill(desk.journal.reader(), index, output=False)
    assert found(index, "middle") == []
    assert found(index, "last")


async def test_lines_across_chunks_and_hostile_output(desk):
    desk.recorder.output("\x1b]52;c;c2VjcmV0\x07\x1b]0;title\x07split wo")
    desk.recorder._cut()
    await desk.recorder.ready()
    desk.recorder.output("rd \x1b[31mred\x1b[0m\r\n<script>alert(1)</script>\r\nunfinished tail")
    await desk.end()
    index = MemoryIndex()
    fill(desk.journal.reader(), index)
    (hit,) = found(index, '"split word red"')
    assert "\x1b" not in hit.output
    assert found(index, "c2vjcmv0") == found(index, "title") == []
    assert found(index, "unfinished")


async def test_it_goes_on_where_it_ended(desk, tmp_path):
    await desk.command("show version", "one")
    index = FtsIndex(tmp_path, desk.journal.origin)
    fill(desk.journal.reader(), index)
    before = index.size
    await desk.command("show clock", "two")
    fill(desk.journal.reader(), index)
    (hit,) = found(index, "rep:anna clock")
    assert hit.router == "r-17", "the session was looked up again"
    assert index.size > before
    index.close()


async def test_what_does_not_open_is_left_out(desk):
    await desk.command("show version", "one")
    await desk.end()
    reader = desk.journal.reader()
    reader._keys = None
    index = MemoryIndex()
    assert fill(reader, index) == reader.size
    assert index.size == 0


async def test_the_month_is_that_of_the_keys(desk):
    await desk.command("show version", "one")
    entry = next(e for e in desk.journal.reader().entries() if e.kind is Kind.CMD_INTENT)
    assert len(month_of(entry)) == 6
    assert datetime.strptime(month_of(entry), "%Y%m")  # noqa: DTZ007


async def test_the_thread_follows(desk):
    index = MemoryIndex()
    indexer = Indexer(desk.journal.reader, index, seconds=0.01)
    reader = desk.journal.reader()
    reader.close = lambda: None  # the journal in memory has one store for all
    indexer._open_reader = lambda: reader
    indexer.start()
    await desk.command("show version", "one")
    deadline = time.monotonic() + 10
    while not found(index, "version") and time.monotonic() < deadline:
        time.sleep(0.01)
    indexer.stop()
    assert found(index, "version")
    assert "search-indexer" not in [thread.name for thread in threading.enumerate()]
