"""Personal data planted everywhere a person can put it is found nowhere in leaves, logs or unencrypted files.

The installation lives a whole life with it: asked, asked back, granted, typed, refused, shown, attempted, killed with
-9, restarted, revoked, removed. Then every byte below its data directory, its file names, its temporary files and its
log are searched for every seed in several spellings.
"""

import base64
import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from audit.reader import EvidenceReader
from config.settings import LogSettings
from drivers.lab.openwrt import OpenWrtRouter
from gateway.demo.players import Subscriber
from gateway.policy.load import TABLES, read_files
from tests.running import LoopThread, RunningGateway, browse

REP = "zebedee-quill"
MACHINE = "quartz-robot"
ROUTER = "maple-street-42"
TICKET = "TCK-8841-violet"
REASON = "Mrs Oakenshield hears crackling"
QUESTION = "Is my nephew Thaddeus involved?"
WIFI_KEY = "Marmalade-Walrus-77"
DENIED_KEY = "Periwinkle-Badger-31"
PROBED = "umbrella-plover.example.net"
REFUSED_WORD = "cromulent-gadget"
SERIAL = "SN-TURQUOISE-5523"
ROUTER_PASSWORD = "Saffron-Otter-90"
LINE_PASSWORD = "Cobalt-Wombat-64"
FORWARDED = "verdigris-heron.example.net"
COPIED = "/etc/heliotrope.conf"

SEEDS = {
    "rep": REP,
    "machine": MACHINE,
    "router": ROUTER,
    "contact": f"{ROUTER}@example.org",
    "ticket": TICKET,
    "reason": "Oakenshield",
    "question": "Thaddeus",
    "allowed Wi-Fi key": WIFI_KEY,
    "denied password": DENIED_KEY,
    "confirmed password": LINE_PASSWORD,
    "host of a command": "umbrella-plover",
    "refused command": REFUSED_WORD,
    "router's serial": SERIAL,
    "router's password": ROUTER_PASSWORD,
    "host of a forwarding": "verdigris-heron",
    "file of a copy": "heliotrope",
    "user of a strange login": "cinnabar-newt",
    "name of a strange key": "ochre-gecko",
    "field of a bad request": "lapis-marmot",
    "path of a bad request": "amber-tapir",
    "removed contact": "indigo-lynx@example.org",
    "command word": "nslookup",
    "command words": "uci set",
    "address of the rep": "127.0.0.1:",
}
"""What must not be found, by what it is. Those made on the way (tokens, links, codes) come on top."""

SHIPPED = dict(read_files(TABLES))

SECRETS = ("allowed Wi-Fi key", "confirmed password", "denied password", "router's password")
"""These are nowhere, not even in sealed parts."""

SEALED = ("rep", "ticket", "reason", "question", "host of a command", "refused command", "file of a copy")
"""These are in sealed parts: the life below did plant them."""


@dataclass
class Life:
    """An installation and what was planted in it."""

    gateway: RunningGateway
    loop: LoopThread
    seeds: dict[str, str] = field(default_factory=lambda: dict(SEEDS))
    subscriber: Subscriber = field(init=False)

    def prepare(self, router: OpenWrtRouter) -> None:
        router.access.password = ROUTER_PASSWORD
        router.system.note(f"daemon.notice netifd: device serial {SERIAL}")
        gateway = self.gateway
        gateway.settings = gateway.settings.model_copy(update={"log": LogSettings(level="debug")})
        temporary = gateway.directory / "tmp"
        temporary.mkdir()
        gateway.environment["TMPDIR"] = str(temporary)
        gateway.prepare({REP: "rep", MACHINE: "automation", "root": "operator"}, [router.target(ROUTER)])
        self.seeds["service token"] = gateway.people[MACHINE].token or ""

    def consent(self) -> None:
        """Asked with a ticket and a reason, asked back, answered, granted in part."""
        gateway = self.gateway
        assert gateway.ssh(REP, ROUTER, "uptime").returncode != 0
        scope = "wifi.credentials.write"
        words = ["--ticket", TICKET, "--reason", f"'{REASON}'", "--sessions", "20", "--scope", scope, "--json"]
        consent = json.loads(gateway.control(REP, "request", ROUTER, *words))[0]["consent"]
        link = gateway.newest_link(f"{ROUTER}@example.org")
        self.seeds["link"] = link.rpartition("/")[2]
        self.subscriber = self.loop.run(browse(link))
        self.loop.at_close(self.subscriber.close)
        self.loop.run(self.subscriber.press("/question", question=QUESTION))
        gateway.control(REP, "answer", consent, f"'No, {REASON}'")
        self.loop.run(self.subscriber.reload())
        self.loop.run(self.subscriber.press("/grant", scope=[scope], minutes="20"))
        self.seeds["consent token"] = gateway.control(REP, "token", consent).strip()

    def session(self, router: OpenWrtRouter) -> None:
        """Lines allowed and refused, in a pipe and at a terminal; features that do not exist."""
        lines = [
            f"nslookup {PROBED}",
            "logread",
            f"uci set wireless.default_radio0.key='{WIFI_KEY}'",
            f"{REFUSED_WORD} now",
            f"uci set network.wan.password='{LINE_PASSWORD}'",
            f"uci set rpcd.@login[0].password='{DENIED_KEY}'",
        ]
        shown = self.gateway.ssh(REP, ROUTER, stdin="".join(f"{line}\n" for line in lines).encode())
        assert SERIAL.encode() in shown.stdout, "the session did not show what was planted"
        at_terminal = "".join(f"{line}\r{'y' + chr(13) if WIFI_KEY in line else ''}" for line in lines)
        self.gateway.ssh(REP, ROUTER, options=("-tt",), stdin=at_terminal.encode() + b"exit\r")
        sent = b"".join(data for _, data in router.received)
        assert sent.count(WIFI_KEY.encode()) == 2, "the consent's capability was not used"
        assert LINE_PASSWORD.encode() in sent
        assert DENIED_KEY.encode() not in sent
        self.gateway.ssh(REP, ROUTER, f"scp -t {COPIED}")
        self.gateway.ssh(REP, ROUTER, options=("-W", f"{FORWARDED}:22"))

    def strangers(self) -> None:
        """Logins and requests that come to nothing."""
        gateway = self.gateway
        key = gateway.directory / "ochre-gecko"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ochre-gecko", "-f", str(key)], check=True)
        gateway.ssh(REP, "cinnabar-newt", "uptime")
        gateway.ssh(REP, "cinnabar-newt", "uptime", options=("-i", str(key), "-o", "SetEnv=NOTE=lapis-marmot"))
        gateway.ssh(REP, "vestibule", "request", "lapis-marmot", "--ticket", "'")
        with gateway.rest(MACHINE) as rest:
            rest.post("/v1/consents", json={"router": ROUTER, "ticket": TICKET, "reason": REASON, "lapis-marmot": 1})
            rest.post("/v1/consents", json={"router": "lapis-marmot", "ticket": "lapis-marmot", "reason": REASON})
            rest.post("/v1/sessions", json={"router": ROUTER, "token": "lapis-marmot"})
            rest.get("/v1/amber-tapir")
            rest.get("/v1/consents", params={"limit": "lapis-marmot"})
            rest.get("/v1/consents", headers={"authorization": "Bearer lapis-marmot"})
            asked = rest.post(
                "/v1/consents",
                json={"router": ROUTER, "ticket": TICKET, "reason": REASON, "channel": "spoken_code"},
            ).json()["id"]
            self.seeds["spoken code"] = self._spoken_code()
            answer = rest.post(f"/v1/consents/{asked}/code", json={"code": self.seeds["spoken code"]})
            assert answer.status_code == 200, answer.text
            opened = rest.post("/v1/sessions", json={"router": ROUTER}).json()["id"]
            ran = rest.post(f"/v1/sessions/{opened}/commands", json={"line": "logread"})
            assert SERIAL in ran.json()["output"]
            rest.post(f"/v1/sessions/{opened}/commands", json={"line": f"{REFUSED_WORD} again"})
        base = f"http://127.0.0.1:{gateway.settings.customer.port}"
        httpx.get(f"{base}/l/amber-tapir", headers={"cookie": "lapis-marmot=1"})
        httpx.get(f"{base}/amber-tapir?lapis-marmot")

    def _spoken_code(self) -> str:
        newest = max(self.gateway.settings.outbox_dir.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        found = re.search(r"\b\d{4} \d{4}\b", json.loads(newest.read_text())["body"])
        assert found, "no code was sent"
        return found[0]

    def administration(self, router: OpenWrtRouter) -> None:
        """People and routers come and go."""
        target = router.target("lapis-marmot")
        with self.gateway.rest() as operator:
            self.seeds["second factor"] = operator.post(f"/v1/people/{MACHINE}/totp").json().get("secret", "")
            added = operator.post(
                "/v1/routers",
                json={
                    "name": "lapis-marmot",
                    "address": "127.0.0.1",
                    "port": target.port,
                    "host_key": target.host_key,
                    "platform": "openwrt",
                    "credential": {"user": "root", "password": ROUTER_PASSWORD},
                    "contact": {"kind": "mail", "address": "indigo-lynx@example.org"},
                },
            )
            assert added.status_code == 201, added.text
            assert operator.delete("/v1/routers/lapis-marmot").status_code == 204
            assert operator.post("/v1/people", json={"name": "ochre-gecko", "role": "rep"}).status_code == 201
            assert operator.delete("/v1/people/ochre-gecko").status_code == 204

    # --- looking -----------------------------------------------------------------------------------------------------

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the installation, its name included, and the log of the process.

        The outbox is left out: its files are the messages themselves, put there instead of being sent. So is the search
        index, which holds in clear what can be searched, but for secrets: `_the_index_holds_no_secret` looks at it.
        """
        settings = self.gateway.settings
        apart = (settings.outbox_dir, settings.data_dir / "index")
        for root in (self.gateway.settings.data_dir, self.gateway.directory / "tmp"):
            for path in sorted(root.rglob("*")):
                if path.is_file() and not any(one in path.parents for one in apart) and not _is_table(path):
                    name = str(path.relative_to(root))
                    yield name, name.encode() + b"\n" + path.read_bytes()
        yield "standard error", self.gateway.log.read_bytes()

    def found(self, **seeds: str) -> list[str]:
        """Which seeds are where, those of `seeds` or all."""
        places = [(name, content.lower()) for name, content in self.places()]
        return [
            f"{what} in {place}"
            for what, seed in (seeds or self.seeds).items()
            for spelling in spellings(seed)
            for place, content in places
            if spelling in content
        ]


def _is_table(path: Path) -> bool:
    """Whether the file is a kept copy of a shipped policy file, unchanged."""
    return path.parent.parent.name == "policies" and SHIPPED.get(path.name) == path.read_bytes()


def spellings(seed: str) -> set[bytes]:
    """The seed in lower case as it may stand in a file: plain, UTF-16, hexadecimal, base64 at each of its offsets."""
    raw = seed.encode()
    found = {raw, seed.encode("utf-16-le"), raw.hex().encode()}
    for offset in range(3):
        coded = base64.b64encode(b"\x00" * offset + raw)
        # Characters that depend on the neighbours are left out.
        found.add(coded[-(-offset * 4 // 3) : len(coded) - 4 if (offset + len(raw)) % 3 else len(coded)])
    return {spelling.lower() for spelling in found}


@pytest.fixture
def life(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> Life:
    life = Life(RunningGateway(tmp_path), loop_thread)
    life.prepare(lab_router)
    return life


@pytest.mark.timeout(300)
def test_seeded_personal_data_is_found_nowhere(life: Life, lab_router: OpenWrtRouter) -> None:
    gateway = life.gateway
    with gateway:
        life.consent()
        life.session(lab_router)
        life.strangers()
        life.administration(lab_router)
        assert life.found() == [], "while it runs"
        gateway.kill()
        assert life.found() == [], "after a crash"
        gateway.start()
        assert PROBED.encode() in gateway.ssh(REP, ROUTER, f"nslookup {PROBED}").stdout
        life.loop.run(life.subscriber.reload())
        life.loop.run(life.subscriber.press("/revoke"))
        with gateway.rest() as operator:
            assert operator.delete(f"/v1/people/{REP}").status_code == 204
    assert life.found() == [], "in the end"
    assert [what for what, seed in life.seeds.items() if len(seed) < 7] == [], "missing, or too short to mean anything"

    _leaves_are_clean(life)
    _sealed_parts_hold_it(life)
    _a_replay_shows_it(life)
    _the_index_holds_no_secret(life)
    _the_search_can_find(life)


def _leaves_are_clean(life: Life) -> None:
    with contextlib.closing(EvidenceReader.open(life.gateway.settings.evidence_dir)) as reader:
        heads = b"\n".join(entry.head_bytes for entry in reader.entries()).lower()
    assert len(heads) > 20_000
    assert [what for what, seed in life.seeds.items() if any(form in heads for form in spellings(seed))] == []


def _sealed_parts_hold_it(life: Life) -> None:
    """It was there to be found: with the keys the sealed parts open and hold it, but for the secrets."""
    settings = life.gateway.settings
    with contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as reader:
        opened = "\n".join(
            str(reader.sealed(entry.index, part))
            for entry in reader.entries()
            for part in reader.compartments(entry.index)
        )
    assert [what for what in SEALED if life.seeds[what] not in opened] == []
    made = ("service token", "consent token", "link", "spoken code", "second factor")
    assert [what for what in (*SECRETS, *made) if life.seeds[what] in opened] == []


def _the_index_holds_no_secret(life: Life) -> None:
    """What reps typed can be searched; secrets cannot, for they were masked before anything was recorded."""
    files = [path for path in (life.gateway.settings.data_dir / "index").rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files).lower()
    assert PROBED.encode() in content
    found = [what for what in SECRETS for form in spellings(life.seeds[what]) if form in content]
    assert found == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def _a_replay_shows_it(life: Life) -> None:
    """The recordings hold what the rep saw, without the secrets that were typed."""
    settings = life.gateway.settings
    with contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as reader:
        sessions = [summary.session for summary in reader.sessions()]
    words = ("--speed", "max", "--dir", str(settings.data_dir))  # the gateway is gone; this is what is left of it
    looks = [life.gateway.vestibule("replay", session, *words) for session in sessions[:3]]
    shown = b"".join(look.stdout for look in looks)
    assert shown, [look.stderr for look in looks]
    assert SERIAL.encode() in shown
    assert [what for what in SECRETS if life.seeds[what].encode() in shown] == []


def _the_search_can_find(life: Life) -> None:
    """The same search, with something planted where it would be looked for, in each spelling."""
    planted = life.gateway.settings.data_dir / "planted"
    for text in (
        TICKET.encode(),
        TICKET.encode("utf-16-le"),
        *(base64.b64encode(b"x" * n + TICKET.encode() + b"yy") for n in range(3)),
    ):
        planted.write_bytes(b"\x00\x01" + text + b"\x00")
        assert life.found(ticket=TICKET) == ["ticket in planted"]
    planted.unlink()
    (planted.parent / TICKET).touch()
    assert life.found(ticket=TICKET) == [f"ticket in {TICKET}"]
