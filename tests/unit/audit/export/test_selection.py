"""`audit.export.selection` and `audit.export.story`: what belongs together, and how it is told."""

from audit.entry import Kind, NewEntry
from audit.export.request import ExportRequest
from audit.export.selection import of_router, select
from audit.export.story import story
from tests.bundles import TOKENS, court, record


async def test_a_session_brings_its_consent_and_a_consent_its_sessions(scene, clock):
    journal = scene.in_memory()
    made, other = await record(journal, clock), await record(journal, clock)
    reader = journal.reader()
    by_session = select(reader, court([made.session]), reader.size)
    by_consent = select(
        reader, ExportRequest(profile="subscriber", consents=(made.consent,), basis="gdpr-15"), reader.size
    )
    for found in (by_session, by_consent):
        assert [one.session for one in found.sessions] == [made.session]
        assert [consent for consent, _ in found.consents] == [made.consent]
        assert found.sessions[0].complete
        indices = [entry.index for entry in found.entries()]
        assert indices == sorted(set(indices))
    assert other.session not in {entry.session for entry in by_session.entries()}


async def test_what_the_checkpoint_does_not_cover_is_named(scene, clock):
    journal = scene.in_memory()
    made = await record(journal, clock)
    reader = journal.reader()
    chain = reader.session(made.session)
    found = select(reader, court([made.session]), chain[-1].index)
    assert not found.sessions[0].complete
    assert [(one.what, one.why) for one in found.left_out] == [("entries", "beyond")]


async def test_everything_at_one_router(scene, clock):
    journal = scene.in_memory()
    made = await record(journal, clock)
    await journal.append(NewEntry(kind=Kind.CONSENT_ASKED, consent_ref=made.consent, sealed={"subj": {"router": "x"}}))
    reader = journal.reader()
    found = of_router(reader, {TOKENS["subj"]})
    assert (found.sessions, found.consents, found.unread) == ((made.session,), (made.consent,), 0)
    assert of_router(reader, {"cpe-0042"}).consents == (made.consent,)
    assert of_router(reader, {"nobody"}).sessions == ()


async def test_a_session_told_without_its_closed_parts(scene, clock):
    journal = scene.in_memory()
    made = await record(journal, clock)
    reader = journal.reader()
    chosen = select(reader, court([made.session]), reader.size).sessions[0]
    told = story(chosen, {}, None, None)
    assert [line.verdict for line in told.lines] == ["allow"] * 3 + ["deny"]
    assert {(line.typed, line.result, line.at) for line in told.lines} == {(None, None, None)}
    assert [line.outcome for line in told.lines] == ["done"] * 3 + ["refused"]
    assert (told.sent, told.complete, told.reason) == (3, True, "logout")
    opened = {(made.commands[0], "act"): {"typed": "a\x1b[31m\u202eb"}}
    assert story(chosen, opened, None, None).lines[0].typed == "a\\x1b[31m\\u202eb"
