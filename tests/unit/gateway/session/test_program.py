"""What a program gets of a session's output: its own line's, within a bound, and nothing of anybody else's."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit._mint import KEY
from audit.command import Purpose, RecordedCommand
from gateway.mediation.events import Record, RecordResult
from gateway.policy.decide import decide
from gateway.policy.load import PolicyBundle, load_bundle
from gateway.policy.verdict import Allow, Position, Rights, Site
from gateway.session.program import ProgramTerminal
from gateway.session.terminal import TerminalTraits


@pytest.fixture(scope="module")
def bundle() -> PolicyBundle:
    return load_bundle()


def new_terminal(**more: int) -> ProgramTerminal:
    traits = TerminalTraits(pty=False, asks=False, confirmed_by="rest")
    return ProgramTerminal(traits, unconfirmed="Confirm it.", **more)


@pytest.fixture
def allowed(bundle, clock):
    """`allowed(line)`: the verdict on a line of a rep who may do everything."""
    rights = Rights(scope=frozenset(), deadline=clock.now().replace(year=2030))

    def judged(line: str) -> Allow:
        verdict = decide(bundle, Site(), Position("ios", "privileged"), line, rights, clock.now())
        assert isinstance(verdict, Allow)
        return verdict

    return judged


def command(index: int, purpose: Purpose = "command") -> RecordedCommand:
    return RecordedCommand(
        wire=b"x\n", session="s", consent_ref="c", entry_index=index, n=index, generation=0, purpose=purpose, mint=KEY
    )


def result(index: int, outcome: str = "done") -> RecordResult:
    return RecordResult(
        n=index, entry_index=index, outcome=outcome, output_bytes=0, first_line="", last_line="", digest=bytes(32)
    )


def record(verdict: Allow) -> Record:
    return Record(verdict=verdict, wire=b"x\n", purpose="command")


async def test_what_was_printed_before_the_command_is_not_its_output(allowed):
    terminal = new_terminal()
    done = terminal.submit(confirm=False)
    terminal.show("%LINK-3-UPDOWN: Interface Gi0/1\n", stderr=False)
    terminal.recorded(record(allowed("show version")), command(7))
    terminal.show("Version 15\n", stderr=False)
    terminal.finished(result(7))
    terminal.idle()
    assert (await done).output == "Version 15\n"
    assert not terminal.busy


async def test_results_of_other_bytes_than_the_lines_are_not_its_result(allowed):
    terminal = new_terminal()
    done = terminal.submit(confirm=False)
    terminal.recorded(record(allowed("show version")), command(7))
    terminal.recorded(record(allowed("show version")), command(8, "answer"))
    terminal.finished(result(8))
    terminal.finished(result(7, "interrupted"))
    terminal.finished(result(9))
    terminal.idle()
    outcome = await done
    assert (outcome.command.entry_index, outcome.result.entry_index) == (7, 7)
    assert outcome.failed


async def test_between_two_lines_nothing_is_kept(allowed):
    terminal = new_terminal()
    for call in (terminal.idle, terminal.end):
        call()
    terminal.show("nobody reads this", stderr=True)
    terminal.recorded(record(allowed("show version")), command(1))
    terminal.finished(result(1))
    done = terminal.submit(confirm=False)
    terminal.idle()
    outcome = await done
    assert (outcome.output, outcome.notices, outcome.record, outcome.result) == ("", "", None, None)


async def test_a_confirmation_is_asked_for_where_the_session_stands_and_never_remembered(allowed):
    terminal = new_terminal()
    harmless, weighty = allowed("show version"), allowed("clear counters")
    assert terminal.veto(weighty) is not None  # nobody confirmed anything
    done = terminal.submit(confirm=False)
    assert terminal.veto(harmless) is None
    refused = terminal.veto(weighty)
    assert (refused.capability, refused.rule_id) == (weighty.capability, weighty.rule_id)
    terminal.blocked(refused)
    terminal.idle()
    assert (await done).unconfirmed
    done = terminal.submit(confirm=True)
    assert terminal.veto(weighty) is None
    terminal.idle()
    assert not (await done).unconfirmed
    assert terminal.veto(weighty) is not None


@given(pieces=st.lists(st.text(max_size=40), max_size=40), most=st.integers(0, 60))
def test_output_is_the_beginning_of_what_was_printed(pieces, most):
    async def play():
        terminal = new_terminal(most_output=most)
        done = terminal.submit(confirm=False)
        for piece in pieces:
            terminal.show(piece, stderr=False)
        terminal.end()
        return await done

    outcome = asyncio.run(play())
    whole = "".join(pieces).encode("utf-8", "replace").decode()
    assert whole.startswith(outcome.output) or outcome.truncated
    assert len(outcome.output.encode("utf-8", "replace")) <= most
    assert outcome.truncated == (len(whole.encode()) > most)
