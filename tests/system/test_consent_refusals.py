"""Whoever has no consent that covers it is refused over REST and ssh alike: one sentence, on record, and the router
hears nothing. Two callers (alice over ssh, script over REST) have had consents that came to every end there is.

Counterpart: `tests/unit/gateway/session/test_refusals.py`.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import asyncssh
import httpx
import pytest

from audit.entry import Kind
from audit.reader import EvidenceReader
from config.clock import SystemClock
from drivers.lab.openwrt import OpenWrtRouter
from gateway import exits
from gateway.access.identity import Role
from gateway.assembly import House
from tests.forgeries import FORGERIES
from tests.running import LoopThread, RunningGateway, browse

SENTENCES = {
    "r-none": ("missing", "There is no consent of the subscriber for this router; ask for one first."),
    "r-pending": ("pending", "The subscriber has not decided on this request yet."),
    "r-denied": ("denied", "The subscriber denied this request."),
    "r-revoked": ("revoked", "The subscriber has revoked this consent."),
    "r-closed": ("closed", "This consent was closed; ask for a new one."),
    "r-used": ("used_up", "All sessions the subscriber granted have been used; ask for a new consent."),
    "r-codes": ("lapsed", "This request was not answered in time; ask the subscriber again."),
    "r-lapsed": ("lapsed", "This request was not answered in time; ask the subscriber again."),
    "r-expired": ("expired", "The time the subscriber granted is over; ask for a new consent."),
}
"""By router, which is named after what became of the consents for it: the code and the sentence."""

TOKEN_SENTENCES = {
    "other_rep": "This consent was given to somebody else; it cannot be passed on.",
    "other_router": "This consent is for another router.",
    "forged": "This consent token is not genuine; it is not accepted.",
    "expired": "The time on this consent token is over; ask for a new consent.",
}

PEOPLE: dict[str, Role] = {
    "alice": "rep",
    "bob": "rep",
    "boss": "supervisor",
    "root": "operator",
    "eve": "auditor",
    "script": "automation",
    "thief": "automation",
}


class Earlier(SystemClock):
    """Three hours ago."""

    def now(self) -> datetime:
        return super().now() - timedelta(hours=3)


@dataclass
class Scene:
    """A running gateway, and what its callers try on it."""

    gateway: RunningGateway
    loop: LoopThread
    tokens: dict[str, str] = field(default_factory=dict)
    """Those of `script`, by router."""
    expected: list[tuple[str, str]] = field(default_factory=list)
    """Who was refused with which code, in order."""

    # --- consents that came to an end ---

    async def past(self) -> None:
        """Requests that nobody answered, and grants whose time is over. The process must not run yet."""
        house = await House.open(self.gateway.settings, clock=Earlier())
        try:
            key = asyncssh.read_private_key(self.gateway.people["alice"].key).export_public_key().decode()
            for auth in (
                await house.service.authenticate_key(key, "test", fido2=False),
                await house.service.authenticate_token(self.gateway.people["script"].token or "", "test"),
            ):
                assert auth is not None
                await house.consents.request(auth, "r-lapsed", ticket="T-1", reason="test")
                asked = await house.consents.request(auth, "r-expired", ticket="T-1", reason="test")
                await house.consents.grant(
                    await house.consents.cases.open(await house.consents.cases.new_link(asked.id))
                )
                self.tokens["r-expired"] = await house.consents.token_for(auth, asked.id)  # script is the last
        finally:
            await house.stop()

    def ask(self, person: str, router: str, **more: object) -> str:
        """Ask for a consent; its id."""
        if person == "alice":
            words = [part for name, value in more.items() for part in (f"--{name}", str(value))]
            done = self.gateway.control("alice", "request", router, "--ticket", "T", "--reason", "r", "--json", *words)
            return str(json.loads(done)[0]["consent"])
        with self.gateway.rest(person) as rest:
            asked = rest.post("/v1/consents", json={"router": router, "ticket": "T", "reason": "r", **more})
            assert asked.status_code == 201, asked.text
            return str(asked.json()["id"])

    def decide(self, person: str, router: str, *actions: str, **more: object) -> str:
        """Ask, and have the subscriber press buttons; the consent's id."""
        consent = self.ask(person, router, **more)
        subscriber = self.loop.run(browse(self.gateway.newest_link(f"{router}@example.org")))
        self.loop.at_close(subscriber.close)
        for action in actions:
            fields = {"minutes": "30"} if action == "/grant" else {}
            self.loop.run(subscriber.press(action, **fields))
            if person == "script" and action == "/grant":
                with self.gateway.rest(person) as rest:
                    self.tokens[router] = rest.post(f"/v1/consents/{consent}/token").json()["token"]
        return consent

    def present(self) -> None:
        """What became of the others."""
        for person in ("alice", "script"):
            self.ask(person, "r-pending")
            self.decide(person, "r-denied", "/deny")
            self.decide(person, "r-revoked", "/grant", "/revoke")
            self.decide(person, "r-live", "/grant", sessions=5)
        closed, used = self.decide("alice", "r-closed", "/grant"), self.decide("alice", "r-used", "/grant")
        self.gateway.control("alice", "close", closed)
        assert used
        assert self.gateway.ssh("alice", "r-used", "uptime").returncode == 0
        closed = self.decide("script", "r-closed", "/grant")
        self.decide("script", "r-used", "/grant")
        with self.gateway.rest("script") as rest:
            assert rest.post(f"/v1/consents/{closed}/close").status_code == 200
            opened = rest.post("/v1/sessions", json={"router": "r-used"})
            assert rest.delete(f"/v1/sessions/{opened.json()['id']}").status_code == 200
        self._wrong_codes()

    def _wrong_codes(self) -> None:
        """Four wrong codes are told how many are left, the fifth ends the request."""
        told = [f"The code is wrong; {left} attempts are left." for left in (4, 3, 2, 1)]
        told.append("The code was wrong too often; this request is over. Ask again.")
        by_rest, by_ssh = (self.ask(person, "r-codes", channel="spoken_code") for person in ("script", "alice"))
        with self.gateway.rest("script") as rest:
            answers = [rest.post(f"/v1/consents/{by_rest}/code", json={"code": "0000 0000"}) for _ in told]
        assert [answer.json()["detail"] for answer in answers] == told
        assert [answer.json()["code"] for answer in answers] == ["wrong_code"] * 4 + ["lapsed"]
        for sentence in told:
            done = self.gateway.ssh("alice", "vestibule", "code", by_ssh, "00000000")
            assert (done.returncode, done.stderr.decode()) == (exits.NOT_PERMITTED, f"{sentence}\n")

    # --- trying ---

    def over_ssh(self, person: str, router: str, code: str, sentence: str) -> None:
        """`ssh ROUTER@gateway uptime` is refused in these words."""
        done = self.gateway.ssh(person, router, "uptime")
        assert (done.returncode, done.stdout) == (exits.NOT_PERMITTED, b"")
        assert done.stderr.decode() == f"{sentence}\n"
        self.expected.append((person, code))

    def over_rest(self, person: str, code: str, sentence: str, **body: str) -> None:
        """`POST /v1/sessions` is refused in these words. The operator comes over the Unix socket."""
        with self.gateway.rest(None if person == "root" else person) as rest:
            answer = rest.post("/v1/sessions", json=body)
        assert answer.status_code == 403, answer.text
        assert (answer.json()["code"], answer.json()["detail"]) == (code, sentence)
        self.expected.append((person, code))

    def refusals(self) -> list[tuple[str, str]]:
        """Who was refused with which code, by the log."""
        with self.gateway.rest() as rest:
            names = {person["id"]: person["name"] for person in rest.get("/v1/people").json()}
        found = []
        settings = self.gateway.settings
        with contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as reader:
            for entry in reader.entries():
                if entry.kind is Kind.SESSION_REFUSED:
                    who = reader.sealed(entry.index, "who")
                    found.append((names[str(who.get("rep") or who["id"])], str(entry.facts["code"])))
        return found


@pytest.fixture
def scene(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> Iterator[Scene]:
    gateway = RunningGateway(tmp_path)
    gateway.prepare(PEOPLE, [lab_router.target(name) for name in (*SENTENCES, "r-live")])
    scene = Scene(gateway, loop_thread)
    loop_thread.run(scene.past())
    with gateway:
        scene.present()
        yield scene


@pytest.mark.timeout(300)
def test_over_rest_and_ssh(scene: Scene, lab_router: OpenWrtRouter) -> None:
    missing = SENTENCES["r-none"]
    received, logins = list(lab_router.received), list(lab_router.access.attempts)

    for router, (code, sentence) in SENTENCES.items():
        scene.over_ssh("alice", router, code, sentence)
        scene.over_rest("script", code, sentence, router=router)
    for person in ("bob", "boss", "root", "eve"):
        scene.over_ssh(person, "r-live", *missing)
    scene.over_rest("root", *missing, router="r-live")
    scene.over_rest("thief", *missing, router="r-live")
    scene.over_ssh("alice", "r-nowhere", "no_router", "There is no router 'r-nowhere' that you may open.")

    live = scene.tokens["r-live"]
    told = TOKEN_SENTENCES
    scene.over_rest("thief", "other_rep", told["other_rep"], router="r-live", token=live)
    scene.over_rest("script", "other_router", told["other_router"], router="r-none", token=live)
    scene.over_rest("script", "expired", told["expired"], router="r-expired", token=scene.tokens["r-expired"])
    for router in ("r-revoked", "r-closed", "r-used"):
        scene.over_rest("script", *SENTENCES[router], router=router, token=scene.tokens[router])
    for forge in FORGERIES.values():
        scene.over_rest("script", "forged", told["forged"], router="r-live", token=forge(live))

    assert (lab_router.received, lab_router.access.attempts) == (received, logins), "the router heard of it"
    assert scene.refusals() == scene.expected
    assert b"Traceback" not in scene.gateway.log.read_bytes()
    with scene.gateway.rest("script") as rest:  # none of it spoiled what was granted
        assert rest.post("/v1/sessions", json={"router": "r-live", "token": live}).status_code == 201


@pytest.mark.timeout(300)
def test_a_link_works_once(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> None:
    """Whoever finds a link that was opened cannot decide with it, nor learn what it was about."""
    gateway = RunningGateway(tmp_path)
    gateway.prepare({"alice": "rep"}, [lab_router.target("home-1")])
    with gateway:
        gateway.control("alice", "request", "home-1", "--ticket", "T-77", "--reason", "crackling")
        link = gateway.newest_link("home-1@example.org")
        loop_thread.at_close(loop_thread.run(browse(link)).close)

        with httpx.Client(follow_redirects=True) as finder:
            page = finder.get(link)
            pressed = finder.post(link)
            other = finder.post(str(httpx.URL(link).join("/grant")), data={"minutes": "30"})

        for answer in (page, pressed):
            assert "crackling" not in answer.text
            assert "T-77" not in answer.text
        assert pressed.status_code == 410
        assert other.status_code in {403, 404}
        assert gateway.ssh("alice", "home-1", "uptime").stderr.decode() == f"{SENTENCES['r-pending'][1]}\n"
    assert lab_router.received == []
