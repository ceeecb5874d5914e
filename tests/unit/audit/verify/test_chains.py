"""Heads that the journal could not have written are found by replaying its rules, one finding a break."""

from dataclasses import replace
from datetime import timedelta

import pytest

from audit.entry import Kind, NewEntry
from audit.leaf import build
from audit.tlog.merkle import leaf_hash
from audit.verify.chains import ChainCheck


@pytest.fixture
async def heads(scene):
    journal = scene.in_memory()
    _, consent = await scene.story(journal, commands=2)
    await journal.append(NewEntry(kind=Kind.CONSENT_REVOKED, consent_ref=consent, retention="consent"))
    await scene.story(journal, commands=1)
    return [entry.head for entry in journal.reader().entries()]


def findings(heads):
    """What is found when these heads are written one after another, links between sessions' entries made good."""
    check, found, last = ChainCheck(), [], {}
    for index, given in enumerate(heads):
        head = replace(given, previous=last.get(given.session) if given.n else None)
        leaf = leaf_hash(build(head))
        last[head.session] = leaf
        found += check.feed(index, head, leaf)
    return check, found


def at(heads, kind, nth=0):
    return [index for index, head in enumerate(heads) if head.kind is kind][nth]


def test_sound_heads(heads):
    check, found = findings(heads)
    assert found == []
    assert (len(check.sessions()), check.starts) == (2, 1)
    assert [end.reason for end in check.consent_ends.values()] == ["revoked"]
    assert check.sessions(heads[-1].session)[0].commands == 1


def test_a_gap_is_one_finding(heads):
    gone = at(heads, Kind.CMD_RESULT)
    check, found = findings(heads[:gone] + heads[gone + 1 :])
    assert [severity for severity, _ in found] == ["contradiction"]
    assert "gap: number 2 was expected, 3 follows" in found[0][1]
    assert not check.sessions()[0].complete
    assert check.sessions()[1].complete


def test_a_broken_link(heads):
    check, found = ChainCheck(), []
    for index, head in enumerate(heads):
        found += check.feed(index, head, leaf_hash(b"another") if index == 4 else leaf_hash(build(head)))
    assert len(found) == 1
    assert "does not link" in found[0][1]


def test_a_command_moved_behind_the_revocation(heads):
    """The lie that matters most: the gateway let a command through, and the log was written to look dense."""
    revoked, opened = at(heads, Kind.CONSENT_REVOKED), at(heads, Kind.SESSION_OPENED)
    first = [head for head in heads if head.session == heads[opened].session]
    others = [head for head in heads if head not in first]
    behind = (
        others[: revoked - len(first) + 1]
        + [replace(head, generation=1) for head in first]
        + others[revoked - len(first) + 1 :]
    )
    _, found = findings(behind)
    text = " ".join(text for _, text in found)
    assert "session.opened stands" in text
    assert "(revoked)" in text
    late = [
        *heads[:opened],
        heads[opened],
        heads[revoked],
        *(replace(h, generation=1) for h in heads[opened + 1 : revoked]),
    ]
    _, found = findings(late)
    assert any("although its consent or session had ended (revoked)" in text for _, text in found)


def test_a_wrong_generation(heads):
    _, found = findings([replace(head, generation=0) for head in heads])
    assert found
    assert all("ends came before it" in text for _, text in found)


def test_a_session_without_a_grant(heads):
    granted = at(heads, Kind.CONSENT_GRANTED)
    _, found = findings(heads[:granted] + heads[granted + 1 :])
    assert [severity for severity, _ in found] == ["missing"]


def test_a_worker_that_never_started(heads):
    _, found = findings([replace(head, worker="main/9") if index > 5 else head for index, head in enumerate(heads)])
    assert ["without having started" in text for _, text in found] == [True]


def test_a_clock_that_runs_backwards(heads):
    changed = [replace(head, monotonic_ns=50 if index == 3 else 0) for index, head in enumerate(heads)]
    _, found = findings(changed)
    assert ["older than the entry before it" in text for _, text in found] == [True]


def test_a_step_of_the_wall_clock(heads):
    check, found = findings([replace(h, time=h.time + timedelta(hours=1)) if i > 3 else h for i, h in enumerate(heads)])
    assert found == []
    assert [(step.index, step.seconds) for step in check.clock_steps] == [(4, 3600.0)]


def test_a_foreign_kind_in_a_session(heads):
    blocked = replace(heads[at(heads, Kind.CMD_RESULT)], kind=Kind.EXPORT_MADE)
    _, found = findings([blocked if head == heads[at(heads, Kind.CMD_RESULT)] else head for head in heads])
    assert "is no link of a session" in found[0][1]
