"""The policy in force: switched on record, between two lines of a live session, and kept readable by its digest."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.journal import Journal
from audit.leaf import parse
from audit.stores.memory import MemoryEntryStore
from config.clock import SystemClock
from drivers.fakes import FakeDriver, FakeReply
from gateway.errors import BadRequest, NotAllowed, Unavailable
from gateway.policy.errors import PolicyError
from gateway.session.policies import PolicyInForce
from gateway.session.terminal import FakeTerminal, TerminalTraits
from tests.stage import Stage, stage

TABLE = b"""
platform: ios
lexer: {kind: words, case: fold, filter_char: "|"}
modes: [exec, privileged, config]
commands:
- {in: [exec, privileged], cap: diagnose.read, cmd: ["show version", "show clock"]}
"""
LESS = b'overlay: ios\nrefuse: [{in: [exec, privileged], cmd: ["show clock"], say: "Not here."}]\n'


class Files(dict[str, bytes]):
    """The policy's files as somebody edits them."""

    def read(self) -> dict[str, bytes]:
        if "unreadable" in self:
            raise PolicyError("The policy files cannot be read.")
        return dict(self)


@pytest.fixture
def files() -> Files:
    return Files({"ios.yaml": TABLE})


@pytest.fixture
def policy(files: Files, tmp_path: Path) -> PolicyInForce:
    return PolicyInForce.open(files.read, tmp_path / "policies")


@pytest.fixture
def store() -> MemoryEntryStore:
    return MemoryEntryStore()


@pytest.fixture
def journal(store: MemoryEntryStore) -> Journal:
    return Journal.in_memory(SystemClock(), store=store)


def loads(store: MemoryEntryStore) -> list[tuple[str | None, dict[str, object]]]:
    heads = [parse(row.head) for row in store.entries(0, store.size())]
    return [(head.policy_digest, dict(head.facts)) for head in heads if head.kind is Kind.POLICY_LOAD]


async def test_what_is_in_force_is_on_record_and_kept(
    policy: PolicyInForce, journal: Journal, store: MemoryEntryStore, tmp_path: Path
) -> None:
    await policy.started(journal)
    assert loads(store) == [(policy.bundle.digest, {"platforms": ["ios"]})]
    assert (tmp_path / "policies" / policy.bundle.digest / "ios.yaml").read_bytes() == TABLE


async def test_an_overlay_whose_test_fails_is_not_started_with(files: Files, tmp_path: Path) -> None:
    files["ios+less.yaml"] = LESS + b'tests: [{line: "show clock", cap: diagnose.read}]'
    with pytest.raises(PolicyError, match=r"ios\+less.yaml: tests row 1"):
        PolicyInForce.open(files.read, tmp_path / "policies")
    assert not (tmp_path / "policies").exists()


async def test_a_reload_switches_after_it_is_on_record(
    policy: PolicyInForce, files: Files, journal: Journal, store: MemoryEntryStore, tmp_path: Path
) -> None:
    before = policy.bundle.digest
    files["ios+less.yaml"] = LESS
    switched = await policy.reload(journal, by="signal", sessions=3)
    assert (switched.before, switched.after, switched.sessions) == (before, policy.bundle.digest, 3)
    assert switched.after != before
    assert loads(store) == [(switched.after, {"platforms": ["ios"], "from": before, "by": "signal", "sessions": 3})]
    assert sorted(path.name for path in (tmp_path / "policies" / switched.after).iterdir()) == [
        "ios+less.yaml",
        "ios.yaml",
    ]


async def test_the_same_files_change_nothing(policy: PolicyInForce, journal: Journal, store: MemoryEntryStore) -> None:
    switched = await policy.reload(journal, by="signal", sessions=0)
    assert switched.before == switched.after
    assert loads(store) == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("ios.yaml", b"platform: ios\n", "lexer"),
        (
            "ios+less.yaml",
            LESS + b'tests: [{line: "show clock", cap: diagnose.read}]',
            "A test of the new policy fails",
        ),
        ("unreadable", b"", "cannot be read"),
    ],
)
async def test_wrong_files_change_nothing(
    policy: PolicyInForce,
    files: Files,
    journal: Journal,
    store: MemoryEntryStore,
    name: str,
    content: bytes,
    sentence: str,
) -> None:
    before = policy.bundle
    files[name] = content
    with pytest.raises(BadRequest, match=sentence) as refused:
        await policy.reload(journal, by="signal", sessions=0)
    assert str(refused.value).startswith("The policy stays as it is.")
    assert policy.bundle is before
    assert loads(store) == []


async def test_a_switch_that_cannot_be_kept_does_not_happen(
    files: Files, journal: Journal, tmp_path: Path, store: MemoryEntryStore
) -> None:
    policy = PolicyInForce.open(files.read, tmp_path / "policies")
    before = policy.bundle
    (tmp_path / "policies").rename(tmp_path / "moved")
    (tmp_path / "policies").write_text("a file where the directory was")
    files["ios+less.yaml"] = LESS
    with pytest.raises(Unavailable, match="cannot be kept"):
        await policy.reload(journal, by="signal", sessions=0)
    assert policy.bundle is before
    assert loads(store) == []


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
def on_stage(policy: PolicyInForce) -> Stage:
    return stage(driver=FakeDriver(respond=lambda wire: FakeReply(output=b"output of " + wire)), policy=policy)


async def test_a_live_session_goes_on_under_the_new_policy(on_stage: Stage, files: Files) -> None:
    auth, router = await on_stage.person("rep"), on_stage.router()
    operator = await on_stage.person("op", "operator")
    await on_stage.consent(auth, router)
    terminal = FakeTerminal(TerminalTraits(pty=True, asks=True))
    live = await on_stage.service.open(auth, router.name, terminal, shape="shell", front_end="test")
    running = asyncio.create_task(on_stage.service.run(live))
    live.line("show clock")
    await until(lambda: "output of show clock" in terminal.text)

    files["ios+less.yaml"] = LESS
    with pytest.raises(NotAllowed):
        await on_stage.service.reload_policy(auth)
    switched = await on_stage.service.reload_policy(operator)
    live.line("show clock")
    await until(lambda: "Not here." in terminal.text)
    assert f"it is now {switched.after[:16]}" in terminal.text
    assert terminal.text.count("output of show clock") == 1

    live.end("killed")
    await running
    assert on_stage.store is not None
    heads = [parse(row.head) for row in on_stage.store.entries(0, on_stage.store.size())]
    judged = [head.policy_digest for head in heads if head.kind in {Kind.CMD_INTENT, Kind.CMD_BLOCKED}]
    assert judged[-2:] == [switched.before, switched.after]
