"""What reaches the screen, the recording and the log of a whole session in memory. Counterpart: `gateway.redaction`."""

import asyncio

import zstandard

from audit.entry import EntryRef, NewEntry
from audit.journal import Journal
from audit.stores.memory import MemoryEntryStore
from config.clock import SystemClock
from drivers.fakes import FakeDriver, FakeReply
from gateway.session.terminal import FakeTerminal, TerminalTraits
from tests.stage import stage

DISPLAY = (
    b"dot11 ssid HOME\r\n   wpa-psk ascii 0 correct-horse\r\n   key 7 0822455D0A16\r\n"
    b"Internet 10.0.0.7 5 aabb.cc00.0107 ARPA\r\n"
)


class _Open(Journal):
    """A journal whose plain chunks can be looked at."""

    chunks: list[bytes]

    async def append_chunk(self, entry: NewEntry, frame: bytes, lines: bytes) -> EntryRef:
        self.chunks.append(frame)
        return await super().append_chunk(entry, frame, lines)


async def _run(line: str, *scope: str) -> tuple[str, str]:
    """What the rep saw, and what was recorded."""
    journal = _Open.in_memory(SystemClock(), store=MemoryEntryStore())
    assert isinstance(journal, _Open)
    journal.chunks = []
    on = stage(journal=journal, driver=FakeDriver(respond=lambda wire: FakeReply(output=DISPLAY)))
    auth, router = await on.person("rep"), on.router()
    await on.consent(auth, router, scope=scope)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live = await on.service.open(auth, router.name, terminal, shape="shell", front_end="test")
    running = asyncio.create_task(on.service.run(live))
    live.line(line)
    live.input_ended()
    await asyncio.wait_for(running, 10)
    return terminal.text, "".join(zstandard.ZstdDecompressor().decompress(chunk).decode() for chunk in journal.chunks)


async def test_the_wifi_key_is_on_the_screen_and_in_no_record() -> None:
    screen, recording = await _run("show running-config ssid HOME", "wifi.credentials.read")
    assert "wpa-psk ascii 0 correct-horse" in screen
    assert "key 7 <redacted>" in screen
    assert "correct-horse" not in recording
    assert "wpa-psk ascii 0 <redacted>" in recording


async def test_nothing_else_shows_it() -> None:
    screen, recording = await _run("show running-config", "config.read", "wifi.credentials.read")
    for text in (screen, recording):
        assert "wpa-psk ascii 0 <redacted>" in text
        assert "0822455D0A16" not in text
        assert "<device 1>" in text
        assert "correct-horse" not in text


async def test_devices_are_shown_and_recorded_with_the_tick() -> None:
    screen, recording = await _run("show ip arp", "lan.hosts.read")
    for text in (screen, recording):
        assert "aabb.cc00.0107" in text
        assert "<redacted>" in text
