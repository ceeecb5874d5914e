"""One channel: a single command stays a single command, and what a client types ahead is bounded."""

import asyncio
from contextlib import closing

import asyncssh

from audit.recording.cast import Event
from audit.recording.library import read_recording
from drivers.fakes import FakeDriver, FakeReply
from gateway.ssh.conversation import MOST_AHEAD, Conversation
from tests.front_door import Door


async def _with_consent(door: Door, platform: str) -> str:
    """The name of a router that rep alice may open."""
    door.know("alice")
    router = door.on.router(platform=platform)
    auth = await door.on.service.authenticate_key(door.keys["alice"].export_public_key().decode(), "x", fido2=False)
    assert auth is not None
    await door.on.consent(auth, router)
    return router.name


def _sent(door: Door) -> list[str]:
    return [item.data.decode().strip() for item in door.on.driver.received if item.command.purpose == "command"]


async def test_what_follows_a_single_command_on_its_input_is_no_command(door: Door) -> None:
    """`while read line; do ssh r 'show version'; done < file` hands the file to ssh; none of it was asked for."""
    router = await _with_consent(door, "ios")  # its single commands run in a terminal
    connection, _ = await door.connect(router, door.keys["alice"])

    done = await connection.run("show version", input="show clock\nshow users\n" * 50)

    assert done.exit_status == 0
    assert _sent(door) == ["show version"]
    connection.close()


async def test_a_piped_script_runs_line_by_line(door: Door) -> None:
    router = await _with_consent(door, "ios")
    connection, _ = await door.connect(router, door.keys["alice"])

    done = await connection.run(input="sh ver\nshow clock\n")

    assert done.exit_status == 0
    assert _sent(door) == ["show version", "show clock"]
    connection.close()


async def test_ctrl_c_at_a_terminal_interrupts_a_single_command(door: Door) -> None:
    router = await _with_consent(door, "openwrt")
    assert isinstance(door.on.driver, FakeDriver)
    door.on.driver.respond = lambda wire: FakeReply(prompt=False)
    connection, _ = await door.connect(router, door.keys["alice"])
    process = await connection.create_process("logread -f", term_type="xterm")
    async with asyncio.timeout(5):
        while not _sent(door):
            await asyncio.sleep(0.005)

    process.stdin.write("\x03")
    async with asyncio.timeout(5):
        while not any(item.command.purpose == "interrupt" for item in door.on.driver.received):
            await asyncio.sleep(0.005)

    connection.close()


def _recorded(door: Door) -> tuple[str, list[str]]:
    """Sizes in the one recording: that of its start, and those that came."""
    with closing(door.on.journal.reader()) as reader:
        (summary,) = reader.sessions()
        recording = read_recording(reader, summary.session)
        sizes = [one.data for one in recording.moments() if isinstance(one, Event) and one.code == "r"]
    return f"{recording.header.width}x{recording.header.height}", sizes


async def test_a_window_that_changes_its_size_does_so_in_the_recording(door: Door) -> None:
    router = await _with_consent(door, "ios")
    connection, _ = await door.connect(router, door.keys["alice"])
    process = await connection.create_process(term_type="xterm", term_size=(90, 30))

    process.change_terminal_size(120, 40)
    process.stdin.write("show version\r")
    async with asyncio.timeout(5):
        await process.stdout.readuntil("output of show version")
    process.change_terminal_size(0, 0)
    process.stdin.write("\x04")
    await process.wait()
    connection.close()

    first, later = _recorded(door)
    assert [first, *later] == ["90x30", "120x40", "80x24"], "one that is not known is the usual one"


async def test_a_size_without_a_terminal_is_none(door: Door) -> None:
    router = await _with_consent(door, "ios")
    connection, _ = await door.connect(router, door.keys["alice"])
    process = await connection.create_process()

    process.change_terminal_size(120, 40)
    process.stdin.write("show version\n")
    process.stdin.write_eof()
    await process.wait()
    connection.close()

    assert _recorded(door) == ("80x24", [])


async def test_a_single_command_at_a_terminal_is_recorded_at_its_size(door: Door) -> None:
    router = await _with_consent(door, "ios")
    connection, _ = await door.connect(router, door.keys["alice"])

    await connection.run("show version", term_type="xterm", term_size=(132, 50))
    connection.close()

    assert _recorded(door) == ("132x50", [])


async def test_a_client_that_types_and_never_reads_is_held_back(door: Door) -> None:
    """Every key makes an echo; a client that does not take it must not make the gateway keep it all."""
    router = await _with_consent(door, "ios")
    connection, _ = await door.connect(router, door.keys["alice"])

    class Deaf(asyncssh.SSHClientSession[bytes]):
        paused = False

        def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
            chan.pause_reading()

        def pause_writing(self) -> None:
            self.paused = True

    channel, session = await connection.create_session(
        Deaf, term_type="xterm", encoding=None, window=64 * 1024, max_pktsize=32 * 1024
    )
    written = 0
    async with asyncio.timeout(20):
        while not session.paused and written < 64 * 1024 * 1024:
            channel.write(b"x" * 1000 + b"\x15")  # typed and wiped again
            written += 1001
            await asyncio.sleep(0)

    assert session.paused
    channel.abort()
    connection.close()


def test_a_conversation_stops_reading_when_too_much_is_typed_ahead() -> None:
    told: list[bool] = []
    conversation = Conversation(told.append)

    for number in range(MOST_AHEAD + 10):
        conversation.line(str(number))

    assert told == [True]
    assert len(conversation.left_over()) == MOST_AHEAD + 10
    assert told == [True, False]


async def test_a_conversation_goes_on_reading_when_half_is_asked_for() -> None:
    told: list[bool] = []
    conversation = Conversation(told.append)
    for number in range(MOST_AHEAD):
        conversation.line(str(number))

    for _ in range(MOST_AHEAD // 2):
        await conversation.ask()

    assert told == [True, False]
