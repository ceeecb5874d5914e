"""Personal data planted everywhere a person can put it is found nowhere outside sealed parts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.reader import EvidenceReader
from drivers.lab.openwrt import OpenWrtRouter
from tests.running import LoopThread, RunningGateway, browse

REP = "zebedee-quill"
ROUTER = "maple-street-42"
TICKET = "TCK-8841-violet"
REASON = "Mrs Oakenshield hears crackling"
QUESTION = "Is my nephew Thaddeus involved?"
WIFI_KEY = "Marmalade-Walrus-77"
DENIED_KEY = "Periwinkle-Badger-31"
PROBED = "umbrella-plover.example.net"
REFUSED_WORD = "cromulent-gadget"
SERIAL = "SN-TURQUOISE-5523"

SEEDS = (
    *(REP, ROUTER, TICKET, "Oakenshield", "Thaddeus", WIFI_KEY, DENIED_KEY, "umbrella-plover", REFUSED_WORD, SERIAL),
    *(f"{ROUTER}@example.org", "nslookup", "uci set", "127.0.0.9"),
)
"""What must not be found: names, ticket, reason, question, secrets, hosts, serials, contact, command words, address."""


@pytest.fixture
def lived(tmp_path: Path, lab_router: OpenWrtRouter, loop_thread: LoopThread) -> RunningGateway:
    """An installation in which all of it was typed, sent, refused, crashed and restarted."""
    target = lab_router.target(ROUTER)
    lab_router.system.note(f"daemon.notice netifd: device serial {SERIAL}")
    gateway = RunningGateway(tmp_path)
    gateway.prepare({REP: "rep", "script": "automation"}, [target])
    password = target.credential.password or ""
    with gateway:
        assert gateway.ssh(REP, ROUTER, "uptime").returncode != 0
        words = ["request", ROUTER, "--ticket", TICKET, "--reason", f"'{REASON}'", "--sessions", "20"]
        gateway.control(REP, *words, "--scope", "wifi.credentials.write")
        subscriber = loop_thread.run(browse(gateway.newest_link(f"{ROUTER}@example.org")))
        loop_thread.at_close(subscriber.close)
        loop_thread.run(subscriber.press("/question", question=QUESTION))
        consent = gateway.control(REP, "consents").split()[6]
        gateway.control(REP, "answer", consent, f"'No, {REASON}'")
        loop_thread.run(subscriber.reload())
        loop_thread.run(subscriber.press("/grant", scope=["wifi.credentials.write"], minutes="20"))
        lines = (
            f"nslookup {PROBED}\nlogread\nuci set wireless.default_radio0.key='{WIFI_KEY}'\n{REFUSED_WORD} now\n"
            f"uci set network.wan.password='{DENIED_KEY}'\nssh pi@192.168.1.9\n"
        )
        shown = gateway.ssh(REP, ROUTER, stdin=lines.encode())
        assert SERIAL.encode() in shown.stdout, "the session showed what was planted"
        with gateway.rest("script") as rest:
            rest.post("/v1/consents", json={"router": ROUTER, "ticket": TICKET, "reason": REASON})
            rest.post("/v1/sessions", json={"router": ROUTER})
        gateway.kill()
        gateway.start()
        assert PROBED.encode() in gateway.ssh(REP, ROUTER, f"nslookup {PROBED}").stdout
        loop_thread.run(subscriber.reload())
        loop_thread.run(subscriber.press("/revoke"))
    gateway.secrets = [password, gateway.people["script"].token or ""]  # type: ignore[attr-defined]
    return gateway


def _places(gateway: RunningGateway) -> Iterator[tuple[str, bytes]]:
    """Every file of the installation but the outbox (those are the messages themselves, addressed to a person), and
    the log of the process."""
    for path in sorted(gateway.settings.data_dir.rglob("*")):
        if path.is_file() and gateway.settings.outbox_dir not in path.parents:
            yield str(path.relative_to(gateway.settings.data_dir)), path.read_bytes()
    yield "standard error", gateway.log.read_bytes()


def _found(gateway: RunningGateway, seeds: tuple[str, ...]) -> list[str]:
    lowered = [(name, content.lower()) for name, content in _places(gateway)]
    return [f"{seed!r} in {name}" for seed in seeds for name, content in lowered if seed.lower().encode() in content]


@pytest.mark.timeout(300)
def test_seeded_personal_data_is_found_nowhere(lived: RunningGateway) -> None:
    secrets = tuple(secret for secret in lived.secrets if secret)  # type: ignore[attr-defined]
    assert len(secrets) == 2

    assert _found(lived, SEEDS + secrets) == []
    _leaves_are_clean(lived)
    _the_search_can_find(lived)
    _sealed_parts_hold_it(lived)


def _leaves_are_clean(gateway: RunningGateway) -> None:
    with contextlib.closing(EvidenceReader.open(gateway.settings.evidence_dir)) as reader:
        heads = b"\n".join(entry.head_bytes for entry in reader.entries()).lower()
    assert len(heads) > 5_000
    assert [seed for seed in SEEDS if seed.lower().encode() in heads] == []


def _the_search_can_find(gateway: RunningGateway) -> None:
    """The same search, with something planted where it would be looked for."""
    (gateway.settings.data_dir / "planted").write_bytes(b"\x00\x01" + TICKET.encode() + b"\x00")
    assert _found(gateway, (TICKET,)) == [f"{TICKET!r} in planted"]


def _sealed_parts_hold_it(gateway: RunningGateway) -> None:
    """It was there to be found: the sealed parts hold it, but for the secrets, which are nowhere."""
    settings = gateway.settings
    with contextlib.closing(EvidenceReader.open(settings.evidence_dir, settings.keys_dir)) as reader:
        opened = "\n".join(
            str(reader.sealed(entry.index, part))
            for entry in reader.entries()
            for part in reader.compartments(entry.index)
        )
    for seed in (REP, TICKET, "Oakenshield", "Thaddeus", "umbrella-plover", REFUSED_WORD):
        assert seed in opened, seed
    for secret in (WIFI_KEY, DENIED_KEY):
        assert secret not in opened
