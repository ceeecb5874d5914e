"""Test 10 of the evidence: after `erase.done` nothing of a person is left in any file, and every proof still holds.

Two subscribers live a life with a real gateway: asked, answered, typed, refused, recorded, searched for, backed up. One
of them is erased, by two persons. Then every byte is looked through: databases, their side files, tiles, checkpoints,
the search index, messages, logs, a new backup, and an old one that was restored.
"""

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from audit.errors import KeyUnavailable
from audit.keys import xaes
from audit.reader import EvidenceReader
from config.settings import Settings
from drivers.lab.openwrt import OpenWrtRouter
from gateway.api.app import api_app
from gateway.assembly import House
from gateway.evidence.backup import AAD
from gateway.session.listeners import PEER
from tests.running import LoopThread, RunningGateway, browse
from tests.system.test_no_personal_data import spellings

REP = "zebedee-quill"
SUPERVISOR_UID = 4242
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class Subscriber:
    """Somebody, and the words that only they left behind."""

    router: str
    words: tuple[str, ...]

    @property
    def seeds(self) -> tuple[str, ...]:
        """What the log holds of them, sealed."""
        return (self.router, *self.words)

    @property
    def everywhere(self) -> tuple[str, ...]:
        """And what only stands beside it."""
        return (*self.seeds, f"{self.router}@example.org")


ANN = Subscriber("maple-street-42", ("TCK-8841-violet", "Oakenshield", "Thaddeus", "umbrella-plover", "cromulent-fork"))
BEN = Subscriber("birch-lane-7", ("TCK-2210-amber", "Featherstone", "Philippa", "indigo-lynx", "frobnicate-widget"))


@dataclass
class Story:
    """One installation from its first day to the erasure and after."""

    gateway: RunningGateway
    loop: LoopThread
    references: dict[str, str] = field(default_factory=dict)

    def begin(self, router: OpenWrtRouter) -> None:
        self.gateway.prepare({REP: "rep", "root": "operator"}, [])
        with self.gateway:
            for who in (ANN, BEN):
                self._register(router, who)
                self._work(who)
            key = self.gateway.directory / "backup.key"
            done = self.gateway.vestibule("backup", str(self.gateway.directory / "old"), "--key", str(key))
            assert done.returncode == 0, done.stderr.decode()

    def _register(self, router: OpenWrtRouter, who: Subscriber) -> None:
        target = router.target(who.router)
        assert target.credential.password is not None
        with self.gateway.rest() as operator:
            added = operator.post(
                "/v1/routers",
                json={
                    "name": who.router,
                    "address": "127.0.0.1",
                    "port": target.port,
                    "host_key": target.host_key,
                    "platform": "openwrt",
                    "credential": {"user": target.credential.user, "password": target.credential.password},
                    "contact": {"kind": "mail", "address": f"{who.router}@example.org"},
                },
            )
            assert added.status_code == 201, added.text
        self.references[who.router] = added.json()["subscriber_ref"]

    def _work(self, who: Subscriber) -> None:
        """Refused without consent; asked, asked back, granted, worked, refused a line and a feature, revoked."""
        ticket, reason, question, host, refused = who.words
        gateway = self.gateway
        assert gateway.ssh(REP, who.router, "uptime").returncode != 0
        words = ["--ticket", ticket, "--reason", f"'{reason} hears crackling'", "--sessions", "5", "--json"]
        consent = json.loads(gateway.control(REP, "request", who.router, *words))[0]["consent"]
        browser = self.loop.run(browse(gateway.newest_link(f"{who.router}@example.org")))
        self.loop.at_close(browser.close)
        self.loop.run(browser.press("/question", question=f"Is {question} involved?"))
        gateway.control(REP, "answer", consent, f"'No, {reason}'")
        self.loop.run(browser.reload())
        self.loop.run(browser.press("/grant", minutes="20"))
        lines = [f"nslookup {host}.example.net", f"{refused} now", f"ping -c 1 {host}.example.net", "uptime"]
        shown = gateway.ssh(REP, who.router, stdin="".join(f"{line}\n" for line in lines).encode())
        assert host.encode() in shown.stdout
        at_terminal = "".join(f"{line}\r" for line in lines) + "exit\r"
        gateway.ssh(REP, who.router, options=("-tt",), stdin=at_terminal.encode())
        gateway.ssh(REP, who.router, options=("-W", f"{host}.example.net:22"))
        self.loop.run(browser.reload())
        self.loop.run(browser.press("/revoke"))

    # --- the people who keep the evidence ----------------------------------------------------------------------------

    async def erase(self) -> dict[str, Any]:
        """Held, refused, released, approved, done; over the REST API, as the two people on this machine."""
        house = await House.open(self.gateway.settings)
        try:
            await house.registry.add_person("sue", "supervisor", uid=SUPERVISOR_UID)
            app = api_app(house.service, house.admin, keeper=house.custody)
            async with _as(app, 0) as operator, _as(app, SUPERVISOR_UID) as supervisor:
                return await self._erase(operator, supervisor)
        finally:
            await house.stop("test")

    async def _erase(self, operator: httpx.AsyncClient, supervisor: httpx.AsyncClient) -> dict[str, Any]:
        ann = self.references[ANN.router]
        wanted = {"kind": "subscriber", "id": ann, "reason": "she asked in writing"}
        asked = await operator.post("/v1/erasures", json=wanted)
        assert asked.status_code == 201, asked.text
        approval = asked.json()["approval"]
        plan = asked.json()["plan"]
        assert (plan["contacts"], plan["routers"], len(plan["sessions"]), plan["holds"]) == (1, [ANN.router], 2, [])
        alone = await operator.post(f"/v1/erasures/{approval}/approve", json={})
        assert alone.status_code == 403, alone.text
        words = {"authority": "court", "reference": "7 O 12/26", "reason": "case"}
        held = await supervisor.post("/v1/holds", json={"subscribers": [ann], **words})
        assert held.status_code == 201, held.text
        hold = held.json()["hold"]
        refused = await supervisor.post(f"/v1/erasures/{approval}/approve", json={})
        assert refused.status_code == 503, refused.text
        assert hold in refused.json()["detail"]
        release = (await supervisor.post(f"/v1/holds/{hold}/release", json={"reason": "over"})).json()["approval"]
        released = await operator.post(f"/v1/approvals/{release}/approve", json={})
        assert released.json()["state"] == "used", released.text
        done = await supervisor.post(f"/v1/erasures/{approval}/approve", json={"reason": "seen"})
        assert done.status_code == 200, done.text
        again = await supervisor.post(f"/v1/erasures/{approval}/approve", json={})
        assert again.status_code == 403
        return dict(done.json())

    # --- looking -----------------------------------------------------------------------------------------------------

    def found(self, seeds: Iterable[str], *places: Path) -> list[str]:
        """Which seeds are where, in any spelling, compressed pieces included."""
        key = (self.gateway.directory / "backup.key").read_bytes()
        contents = []
        for root in places:
            for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
                if path.is_file():
                    data = path.read_bytes()
                    if path.name == "secrets.sealed":
                        data += xaes.open_(key, data, AAD)
                    contents.append((str(path), path.name.encode() + data.lower() + _unpacked(data).lower()))
        return [
            f"{seed} in {place}"
            for seed in seeds
            for spelling in spellings(seed)
            for place, content in contents
            if spelling in content
        ]


@contextlib.asynccontextmanager
async def _as(app: Any, uid: int):
    transport = httpx.ASGITransport(app=app, client=(PEER, uid))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
        yield client


def _unpacked(data: bytes) -> bytes:
    """Whatever in it can be unpacked with zstd."""
    found, at = [], data.find(_ZSTD)
    while at >= 0:
        with contextlib.suppress(zstandard.ZstdError):
            found.append(zstandard.ZstdDecompressor().decompressobj().decompress(data[at:]))
        at = data.find(_ZSTD, at + 1)
    return b"\n".join(found)


def opened(settings: Settings) -> str:
    """Everything that the log's own keys open, recordings included."""
    found = []
    with contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as reader:
        for entry in reader.entries():
            for name in reader.compartments(entry.index):
                with contextlib.suppress(KeyUnavailable):
                    found.append(str(reader.sealed(entry.index, name)))
        for session, number, _ in reader.rows.chunk_places():
            with contextlib.suppress(KeyUnavailable):
                found.append(zstandard.decompress(reader.chunk(session, number)).decode())
    return "\n".join(found)


async def _open_and_close(settings: Settings) -> None:
    house = await House.open(settings)
    await house.stop("test")


@pytest.mark.timeout(300)
def test_10_erasure_leaves_nothing_and_every_proof_holds(
    tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread
) -> None:
    story = Story(RunningGateway(tmp_path), loop_thread)
    story.begin(lab_router)
    gateway, settings = story.gateway, story.gateway.settings
    before = opened(settings)
    assert [seed for seed in (*ANN.seeds, *BEN.seeds) if seed not in before] == [], "it was there to be found"
    assert story.found(ANN.everywhere, settings.data_dir), "in the index and the outbox in clear"

    done = asyncio.run(story.erase())
    assert done["deleted"] > 30

    after = opened(settings)
    assert [seed for seed in ANN.seeds if seed in after] == []
    assert [seed for seed in BEN.seeds if seed not in after] == []
    new = tmp_path / "new"
    assert gateway.vestibule("backup", str(new), "--key", str(tmp_path / "backup.key")).returncode == 0
    assert story.found(ANN.everywhere, settings.data_dir, gateway.log, new) == []
    verified = gateway.vestibule("verify")
    assert verified.returncode == 0, verified.stdout.decode()
    assert b"erased" in verified.stdout
    gateway.start()
    gateway.stop()
    assert story.found(ANN.everywhere, settings.data_dir, gateway.log) == []

    _restored(story, tmp_path, loop_thread)


def _restored(story: Story, tmp_path: Path, loop_thread: LoopThread) -> None:
    """The backup from before the erasure: it holds everything, and nothing once it is opened."""
    live = story.gateway.settings
    other = RunningGateway(tmp_path / "other")
    other.settings = live.model_copy(update={"data_dir": tmp_path / "other" / "data"})
    other.config.parent.mkdir()
    other.config.write_text(f'data_dir = "{other.settings.data_dir}"\ntenant = "test"\n')
    words = ["restore", str(tmp_path / "old"), "--key", str(tmp_path / "backup.key")]
    words += ["--root-key", str(live.keys_dir / "root.key"), "--newer-log", str(live.evidence_dir)]
    done = other.vestibule(*words)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    assert b"erasures" in done.stderr
    assert [seed for seed in ANN.seeds if seed not in opened(other.settings)] == [], "the backup is of before"
    again = other.vestibule(*words)
    assert again.returncode != 0, "nothing is overwritten"
    asyncio.run(_open_and_close(other.settings))
    after = opened(other.settings)
    assert [seed for seed in ANN.seeds if seed in after] == []
    assert [seed for seed in BEN.seeds if seed not in after] == []
    assert story.found(ANN.everywhere, other.settings.data_dir) == []
    verified = other.vestibule("verify")
    # The approval stands in the log that was rolled back, and the verifier says so; nothing else is missing.
    assert b"lawfully erased" in verified.stdout
    missing = [line for line in verified.stdout.splitlines() if line.startswith((b"missing", b"contradiction"))]
    assert [line for line in missing if b"no approval by a second person stands before it" not in line] == []
