"""`audit.replay`: printing, keys, gaps, and exports for other players."""

import io
import json
import os
import pty
import subprocess
import termios
import time

import pytest

from audit.entry import Kind, NewEntry
from audit.recording.cast import Comment, Event, parse_v3
from audit.recording.errors import BadRecording
from audit.recording.fakes import MemoryEvidence
from audit.recording.library import Recording, read_recording
from audit.recording.recorder import Limits, Recorder
from audit.recording.schedule import gap_note
from audit.replay import (
    End,
    NoKeys,
    Played,
    TerminalKeys,
    export_cast,
    play,
)
from config.clock import FakeClock

SESSION = "01JD000000000000000000000A"


# --- play -------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Script:
    """Keys at times: `(seconds, key)` pairs; between them time passes. Notes how long each wait was asked to be."""

    def __init__(self, clock: FakeClock, *keys: tuple[float, str]) -> None:
        self.clock = clock
        self.keys = list(keys)
        self.waited: list[float | None] = []

    def wait(self, seconds: float | None) -> str | None:
        self.waited.append(seconds)
        if self.keys and (seconds is None or self.keys[0][0] <= seconds):
            after, key = self.keys.pop(0)
            self.clock.advance(after)
            return key
        assert seconds is not None, "paused for ever"
        if self.keys:
            self.keys[0] = (self.keys[0][0] - seconds, self.keys[0][1])
        self.clock.advance(seconds)
        return None


@pytest.fixture
async def recording(clock) -> Recording:
    """Two commands, a minute apart."""
    evidence = MemoryEvidence(clock)
    it = Recorder(evidence, SESSION, None, clock, 80, 24, limits=Limits(chunk_bytes=80, chunk_seconds=1e6))
    it.output("Router# ")
    for n, line in enumerate(("show version", "show clock"), 3):
        clock.advance(60)
        it.output(f"{line}\n")
        it.command(n, line, "allow")
        it.output("\x1b[1mgood\x1b[0m é\nRouter# ")
        while it._writer is not None:
            await it._writer
    await it.close()
    return read_recording(evidence, SESSION)


ALL = "Router# show version\r\n\x1b[1mgood\x1b[0m é\r\nRouter# show clock\r\n\x1b[1mgood\x1b[0m é\r\nRouter# "


def test_playing_to_the_end(recording, clock):
    terminal, keys = Terminal(), Script(clock)
    assert play(recording, terminal, keys=keys, clock=clock) == Played(End.FINISHED)
    assert terminal.getvalue() == ALL + "\x1b[0m"
    assert keys.waited == [2, 2]


def test_where_no_terminal_is_lines_end_as_files_do(recording):
    file = io.StringIO()
    play(recording, file, speed="max")
    assert file.getvalue() == ALL.replace("\r\n", "\n")


def test_an_old_terminal_gets_what_it_can_show(recording):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    play(recording, file, speed="max")
    assert b"good\x1b[0m ?" in raw.getvalue()


def test_pause_and_go_on_keeps_the_rest_of_the_wait(recording, clock):
    keys = Script(clock, (0.5, " "), (100, "x"), (100, " "))
    play(recording, Terminal(), keys=keys, clock=clock)
    assert keys.waited == [2, None, None, pytest.approx(1.5), 2]


def test_other_keys_do_not_shorten_the_wait(recording, clock):
    keys = Script(clock, (0.5, "x"), (0.5, "."))
    play(recording, Terminal(), keys=keys, clock=clock)
    assert keys.waited == [2, pytest.approx(1.5), pytest.approx(1.0), 2]


def test_step_shows_one_piece_and_stays_paused(recording, clock):
    keys = Script(clock, (0, " "), (0, "."), (0, "."), (0, "q"))
    terminal = Terminal()
    assert play(recording, terminal, keys=keys, clock=clock) == Played(End.QUIT)
    assert terminal.getvalue() == "Router# show version\r\n\x1b[1mgood\x1b[0m é\r\nRouter# \x1b[0m"


@pytest.mark.parametrize("key", ["q", "\x03", "\x04"])
def test_quit(recording, clock, key):
    terminal = Terminal()
    assert play(recording, terminal, keys=Script(clock, (1, key)), clock=clock).end is End.QUIT
    assert terminal.getvalue() == "Router# \x1b[0m"


def test_ctrl_c_ends_quietly(recording, clock):
    class Interrupted:
        def wait(self, seconds):
            raise KeyboardInterrupt

    assert play(recording, Terminal(), keys=Interrupted(), clock=clock).end is End.QUIT


def test_a_reader_that_went_away_ends_it(recording):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    assert play(recording, Closed(), speed="max").end is End.QUIT


def test_starting_later(recording):
    file = io.StringIO()
    play(recording, file, speed="max", start_command=4)
    assert file.getvalue() == "Router# show clock\n\x1b[1mgood\x1b[0m é\nRouter# "
    later = io.StringIO()
    play(recording, later, speed="max", start_at=100)
    assert later.getvalue().endswith("show clock\n\x1b[1mgood\x1b[0m é\nRouter# ")
    assert "show version" not in later.getvalue()
    with pytest.raises(BadRecording, match=r"ends at 0:02:00\.000"):
        play(recording, io.StringIO(), speed="max", start_at=121)


async def test_gaps_are_shown_and_returned(clock):
    evidence = MemoryEvidence(clock)
    it = Recorder(evidence, SESSION, None, clock, 80, 24)
    it.output("last words")
    await it.ready()
    it._cut()
    await it._writer
    await evidence.append(NewEntry(kind=Kind.SESSION_CLOSED, session=SESSION))
    file = io.StringIO()
    played = play(read_recording(evidence, SESSION), file, speed="max")
    assert [gap.kind for gap in played.gaps] == ["unfinished"]
    assert file.getvalue() == f"last words\n{gap_note(played.gaps[0])}\n"
    assert played.end is End.FINISHED


# --- keys -------------------------------------------------------------------------------------------------------------


def test_single_keys_come_through_a_real_terminal_and_its_mode_is_put_back():
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        with TerminalKeys(slave) as keys:
            assert keys.wait(0.001) is None
            os.write(master, b"q")
            assert keys.wait(30) == "q"
            assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


def test_a_keyboard_that_went_away_does_not_spin():
    reading, writing = os.pipe()
    os.close(writing)
    keys = TerminalKeys(reading)
    assert keys.wait(30) is None
    assert keys.wait(0.001) is None
    assert keys.wait(None) == "q"
    os.close(reading)


def test_without_keys_waiting_is_all():
    before = time.monotonic()
    assert NoKeys().wait(0.01) is None
    assert time.monotonic() - before >= 0.01


# --- export -----------------------------------------------------------------------------------------------------------


def test_version_3_reads_back(recording):
    cast = parse_v3(export_cast(recording, 3))
    assert cast.header == recording.header
    assert cast.items == tuple(recording.moments())


def test_version_2_has_the_same_output(recording):
    header, *events = map(json.loads, export_cast(recording, 2).splitlines())
    assert (header["version"], header["width"]) == (2, 80)
    assert "".join(data for _, code, data in events if code == "o") == ALL
    assert [data for _, code, data in events if code == "i"] == ["show version", "show clock"]


def test_other_versions_are_refused(recording):
    with pytest.raises(BadRecording, match="choose 2 or 3"):
        export_cast(recording, 1)


async def test_an_export_is_clean_and_shows_gaps(clock):
    evidence = MemoryEvidence(clock)
    it = Recorder(evidence, SESSION, None, clock, 80, 24, limits=Limits(chunk_bytes=1, chunk_seconds=1e6))
    it.output("a\x1b]52;c;QQ==\x07b")
    it.command(1, "show \x1b[6n", "allow")
    await it.close()
    del evidence.chunks[SESSION, 1]
    cast = parse_v3(export_cast(read_recording(evidence, SESSION), 3))
    note = "[gap, closed, 0:00:00.000 to 0:00:00.000: Chunk 1 (entry 1) cannot be shown. The key of the chunk is gone.]"
    assert cast.items[:4] == (
        Event(0, "o", "ab"),
        Comment(note),
        Event(0, "m", "gap closed"),
        Event(0, "o", f"\r\n{note}\r\n"),
    )
    assert Event(0, "i", "show \\x1b[6n") in cast.items
    assert "\x1b" not in "".join(item.data for item in cast.items if isinstance(item, Event))


def test_the_stock_asciinema_plays_an_export(recording, require_program, tmp_path):
    program = require_program("asciinema")
    path = tmp_path / "session.cast"
    path.write_text(export_cast(recording, 2), encoding="utf-8")
    # `asciinema play` wants a controlling terminal; `script` gives it one.
    done = subprocess.run(
        [require_program("script"), "-qec", f"{program} play -s 1000 -i 0.1 {path}", "/dev/null"],
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
    )
    assert ALL in done.stdout.decode()


# --- going somewhere else ---------------------------------------------------------------------------------------------


def played(recording, clock, *keys, **more):
    """What is shown after the last jump, and everything."""
    out = Terminal()
    end = play(recording, out, keys=Script(clock, *keys, (500, "q")), clock=clock, idle_limit=None, **more)
    return out.getvalue().rpartition("\x1b[2J")[2], out.getvalue(), end


def typed(after, text):
    return [(after, text[0]), *((0, key) for key in text[1:])]


async def test_arrow_keys_go_back_and_forth(recording, clock):
    after, _, end = played(recording, clock, (10, "up"))
    assert "[0:01:00.000]" in after
    assert "show version" in after
    assert end.end is End.FINISHED
    after, _, _ = played(recording, clock, (10, "right"), (0, "right"))
    assert "[0:00:10.000]" in after
    after, _, _ = played(recording, clock, (65, "left"))
    assert "[0:00:55.000]" in after
    after, _, _ = played(recording, clock, (1, "down"))
    assert "[0:00:00.000]" in after
    after, _, _ = played(recording, clock, *[(0, "up")] * 9)
    assert "[0:02:00.000]" in after, "not beyond the end"


async def test_g_goes_to_a_time(recording, clock):
    after, _, _ = played(recording, clock, *typed(5, "g2:00\r"))
    assert "[0:02:00.000]" in after
    assert "show clock" in after
    assert "show version" not in after
    _, whole, _ = played(recording, clock, *typed(5, "gnoon\r"))
    assert "written as 65" in whole
    assert "show clock" in whole
    _, whole, _ = played(recording, clock, *typed(5, "g9\x7f\x1b"))
    assert "\x1b[2J" not in whole


async def test_text_is_found_forwards_and_backwards(recording, clock):
    after, _, _ = played(recording, clock, *typed(1, "/SHOW CLOCK\r"))
    assert "[0:01:00.000]" in after, "where its line begins, with the prompt"
    after, _, _ = played(recording, clock, *typed(1, "/good\r"), (0, "n"), (0, "N"))
    assert "[0:01:00.000]" in after
    _, whole, _ = played(recording, clock, *typed(1, "/nowhere\r"))
    assert "[there is none]" in whole
    after, _, _ = played(recording, clock, *typed(1, "/é\r".encode().decode("latin-1")))
    assert "[0:01:00.000]" in after


async def test_commands_are_gone_through(recording, clock):
    after, _, _ = played(recording, clock, (1, "]"), (0, "]"), (0, "["))
    assert "[0:01:00.000]" in after
    _, whole, _ = played(recording, clock, (1, "["))
    assert "[there is none]" in whole


async def test_q_in_the_middle_of_everything(recording, clock):
    assert played(recording, clock, (1, "]"), (0, "q"))[2].end is End.QUIT


# --- watermarks -------------------------------------------------------------------------------------------------------


async def test_what_is_shown_says_for_whom(recording, clock):
    after, whole, _ = played(recording, clock, (1, "]"), watermark="amy · entry 7\x1b[2J")
    assert whole.startswith("[opened for amy · entry 7\\x1b[2J]\r\n")
    assert "[opened for amy" in after
    assert whole.count("[opened for amy") == 3


@pytest.mark.parametrize("version", [2, 3])
async def test_what_is_exported_says_for_whom(recording, version):
    lines = export_cast(recording, version, watermark="amy · entry 7").splitlines()
    assert json.loads(lines[0])["title"].endswith("Opened for amy · entry 7")
    assert any("[Opened for amy" in line and '"o"' in line for line in lines)
    assert parse_v3("\n".join(lines) + "\n") if version == 3 else True
