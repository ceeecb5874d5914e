"""The simulated terminal echoes, edits and interrupts as a real one."""

import asyncio

import pytest

from drivers.lab.console import Console, Interrupted


class Screen:
    def __init__(self, *, tty: bool = True, **options) -> None:
        self.text = b""
        self.errors = b""
        self.console = Console(self._write, tty=tty, **options)

    def _write(self, data: bytes, stderr: bool) -> None:
        if stderr:
            self.errors += data
        else:
            self.text += data


@pytest.mark.parametrize(
    ("keys", "line", "screen"),
    [
        (b"uptime\r", "uptime", b"# uptime\r\n"),
        (b"uptime\n", "uptime", b"# uptime\r\n"),
        (b"upx\x7ftime\r", "uptime", b"# upx\b \btime\r\n"),
        (b"\x7f\r", "", b"# \r\n"),
        (b"abc\x15x\r", "x", b"# abc\b \b\b \b\b \bx\r\n"),
        (b"abc\x03x\r", "x", b"# abc^C\r\n# x\r\n"),
        (b"a\x1b[Db\x1bOc\r", "abc", None),
        (b"\x04", None, b"# "),
        (b"a\x04\r", "a", b"# a\r\n"),
        ("ü\r".encode(), "ü", "# ü\r\n".encode()),
        (b"a\x00\tb\r", "ab", b"# ab\r\n"),
    ],
)
async def test_a_line_is_edited_at_the_prompt(keys, line, screen):
    view = Screen()
    reading = asyncio.ensure_future(view.console.edit_line("# "))
    await asyncio.sleep(0)
    view.console.feed(keys)
    assert await reading == line
    if screen is not None:
        assert view.text == screen


async def test_cr_lf_is_two_line_ends():
    view = Screen()
    view.console.feed(b"a\r\n")
    assert [await view.console.edit_line("# ") for _ in range(2)] == ["a", ""]


async def test_what_is_typed_ahead_shows_twice():
    view = Screen()
    view.console.feed(b"next\n")
    assert view.text == b"next\r\n"
    await view.console.edit_line("# ")
    assert view.text == b"next\r\n# next\r\n"


async def test_a_program_reads_cooked_lines():
    view = Screen()
    view.console.feed(b"a\rb\n\x04")
    assert [await view.console.read_line() for _ in range(3)] == [b"a\n", b"b\n", None]


async def test_without_a_terminal_nothing_is_echoed_or_changed():
    view = Screen(tty=False)
    view.console.feed(b"a\r\n\x03")
    view.console.feed_eof()
    view.console.print("out\n")
    view.console.print("err\n", stderr=True)
    assert await view.console.read_line() == b"a\r\n"
    assert await view.console.read_line() == b"\x03"
    assert await view.console.read_line() is None
    assert (view.text, view.errors) == (b"out\n", b"err\n")


async def test_errors_and_line_ends_on_a_terminal():
    view = Screen()
    view.console.print("err\n", stderr=True)
    assert (view.text, view.errors) == (b"err\r\n", b"")


async def test_a_secret_and_a_key_are_not_echoed():
    view = Screen()
    reading = asyncio.ensure_future(view.console.read_secret("Password: "))
    await asyncio.sleep(0)
    view.console.feed(b"hush\r")
    assert await reading == "hush"
    waiting = asyncio.ensure_future(view.console.key())
    await asyncio.sleep(0)
    view.console.feed(b" ")
    assert await waiting == " "
    assert view.text == b"Password: \r\n"


async def test_ctrl_c_stops_the_program_and_drops_what_was_typed():
    view = Screen()

    async def forever() -> int:
        await asyncio.Event().wait()
        return 0

    running = asyncio.ensure_future(view.console.foreground(forever()))
    await asyncio.sleep(0)
    view.console.feed(b"later\n\x03")
    with pytest.raises(Interrupted):
        await running
    assert view.text == b"later\r\n^C\r\n"
    view.console.feed_eof()
    assert await view.console.read_line() is None


async def test_another_interrupt_key_is_silent_and_takes_a_key_with_it_at_the_prompt():
    view = Screen(interrupt=0x1E)
    view.console.feed(b"a\x1exb\r")
    assert await view.console.edit_line("R1#") == "ab"
    view.console.interrupt()


async def test_cancelling_from_outside_is_not_an_interrupt():
    view = Screen()

    async def forever() -> int:
        await asyncio.Event().wait()
        return 0

    running = asyncio.ensure_future(view.console.foreground(forever()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
