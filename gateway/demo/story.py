"""The whole story on loopback, for real: `vestibule demo`. Every step checks itself; the first that fails ends it.

A gateway, a simulated OpenWrt home router with a computer behind it, a rep who is the system's own `ssh`, and a
subscriber who answers the link over HTTP. Nothing needs root, nothing leaves 127.0.0.1, everything is in one
temporary directory.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncssh

from config.files import make_private_dir, write_private
from config.settings import (
    ApiSettings,
    ConsentSettings,
    CustomerSettings,
    CwmpSettings,
    ReviewSettings,
    Settings,
    SshSettings,
)
from drivers.lab.home import HomeComputer
from drivers.lab.openwrt import OpenWrtRouter
from gateway import assembly, exits
from gateway.access.identity import Authenticated
from gateway.consent.model import State
from gateway.demo.players import STEP_SECONDS, DemoFailed, Say, Ssh, Subscriber, Teller, Terminal, plain
from gateway.demo.scene import Scene
from gateway.demo.tr069 import second_act
from gateway.session.admin import RouterEntry

ROUTER: Final = "home-7"
REP: Final = "alice"
AUDITOR: Final = "amira"
HOME_ADDRESS: Final = "192.168.1.50"
PROMPT: Final = "root@OpenWrt:~# "


@contextlib.asynccontextmanager
async def _stage(teller: Teller, directory: Path) -> AsyncIterator[Scene]:
    settings = Settings(
        data_dir=directory / "data",
        tenant="demo",
        ssh=SshSettings(port=0),
        api=ApiSettings(port=None),
        customer=CustomerSettings(port=0),
        review=ReviewSettings(port=0),
        cwmp=CwmpSettings(mode="acs", plain_port=0),
        consent=ConsentSettings(controller="Demo Internet Ltd."),
    )
    assembly.initialise(settings)
    async with HomeComputer() as home, OpenWrtRouter(home=home, pause=0.2) as router:
        house = await assembly.House.open(settings)
        subscriber = Subscriber()
        try:
            await house.start()
            ssh = await _register(house, router, directory)
            yield Scene(teller, house, router, home, ssh, subscriber, settings)
        finally:
            await subscriber.close()
            await house.stop()


async def _register(house: assembly.House, router: OpenWrtRouter, directory: Path) -> Ssh:
    """The operator's part: a rep with a key, a router with its pinned host key, a contact on file."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    make_private_dir(directory / "rep")
    write_private(directory / "rep" / "id_ed25519", key.export_private_key("openssh"))
    known = f"[127.0.0.1]:{house.ssh_port} {assembly.host_key(house.settings).export_public_key().decode()}"
    write_private(directory / "rep" / "known_hosts", known.encode())
    await house.registry.add_person(REP, "rep")
    await house.registry.add_person(AUDITOR, "auditor", uid=os.getuid())
    await house.registry.add_key(REP, key.export_public_key().decode())
    target = router.target(ROUTER)
    added = await house.registry.register(
        RouterEntry(
            name=ROUTER,
            platform=target.platform,
            address=target.address,
            port=target.port,
            host_key=target.host_key,
            credential=target.credential,
        )
    )
    await house.registry.add_contact(added.subscriber_ref, "mail", "subscriber@demo.example")
    return Ssh(house.ssh_port, directory / "rep" / "id_ed25519", directory / "rep" / "known_hosts")


async def _no_consent(scene: Scene) -> None:
    teller = scene.teller
    teller.step("No consent, no session")
    teller.typed(f"ssh {ROUTER}@gateway 'ubus call system board'")
    status, out, err = await scene.ssh.run(f"{ROUTER}@127.0.0.1", "ubus call system board")
    teller.tell(err)
    teller.check(status == exits.NOT_PERMITTED and not out, "the rep is refused with one sentence")
    teller.check(not scene.router.received, "the router received nothing")


async def _ask(scene: Scene) -> None:
    teller = scene.teller
    teller.step("The rep asks, the subscriber decides")
    words = (
        f"request {ROUTER} --ticket T-1042 --reason 'Your line drops in the evening' --minutes 20 --sessions 3"
        " --scope wifi.credentials.write,device.reboot"
    )
    teller.typed(f'ssh vestibule@gateway "{words}"')
    status, out, err = await scene.ssh.run("vestibule@127.0.0.1", words)
    teller.tell(out + err)
    teller.check(status == 0, "the request is on record and a link is on its way")
    page = await scene.subscriber.open(await scene.link())
    teller.tell("The subscriber's page: " + " / ".join(page.splitlines()[:6]))
    teller.check("Your line drops in the evening" in page, "the subscriber reads who asks, what for and why")
    await scene.subscriber.press("/grant", scope=["device.reboot"], minutes="20")
    consent = (await scene.house.consents.list(await _rep(scene)))[0]
    teller.check(consent.state is State.GRANTED, "the subscriber agrees")
    teller.check(consent.granted == ("device.reboot",), "but to less than was asked: no new Wi-Fi password")


async def _diagnose(scene: Scene, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("The rep looks at the line, with plain ssh")
    teller.typed(f"ssh {ROUTER}@gateway")
    banner = await terminal.until(PROMPT)
    teller.tell("\n".join(banner.splitlines()[:2]))
    teller.check("recorded" in banner, "the rep is told what was agreed, until when, and that it is recorded")
    for line in ("ifstatus wan", "logread | tail -n 3", "ping -c 3 9.9.9.9"):
        teller.typed(line)
        shown = await terminal.type(line)
        teller.tell("\n".join(shown.splitlines()[1:5]))
        teller.check(bool(shown.strip()) and "Refused" not in shown, f"`{line}` ran")


async def _pivot(scene: Scene, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("The router and no further")
    before = len(scene.router.received)
    for line in (f"ssh pi@{HOME_ADDRESS}", f"uptime `nc {HOME_ADDRESS} 22`"):
        teller.typed(line)
        shown = await terminal.type(line)
        teller.tell("\n".join(shown.splitlines()[1:-1]))
        teller.check("Refused" in shown, "refused, with the reason")
    status, _, err = await scene.ssh.run("-W", f"{HOME_ADDRESS}:22", f"{ROUTER}@127.0.0.1")
    teller.typed(f"ssh -W {HOME_ADDRESS}:22 {ROUTER}@gateway")
    teller.tell(err)
    teller.check(status != 0, "port forwarding does not exist")
    teller.check(len(scene.router.received) == before, "none of it was sent to the router")
    teller.check(scene.home.connections == 0, "the computer in the home saw no connection")


async def _change(scene: Scene, terminal: Terminal) -> None:
    teller = scene.teller
    teller.step("A change the consent covers, and one it does not")
    line = "uci set wireless.radio0.channel='11' && uci commit wireless && wifi reload"
    teller.typed(line)
    teller.tell((await terminal.type(line, until="[y/N]")).splitlines()[-1])
    teller.typed("y")
    await terminal.type("y")
    teller.check(scene.router.uci.get("wireless.radio0.channel") == "11", "after a y the channel is 11 on the router")
    secret = "Correct-Horse-Battery"  # noqa: S105 - an example that must never arrive
    teller.typed("uci set wireless.default_radio0.key='…'")
    shown = await terminal.type(f"uci set wireless.default_radio0.key='{secret}'", until="[y/N]")
    teller.tell("\n".join(shown.splitlines()[1:]))
    teller.check("Refused" in shown, "a new Wi-Fi password is refused: it was not agreed to")
    teller.typed("n")
    await terminal.type("n")
    teller.check(len(scene.house.live) == 1, "the subscriber is not asked for it, because the rep says no")
    arrived = b"".join(data for _, data in scene.router.received)
    teller.check(secret.encode() not in arrived, "and never reached the router")


async def _revoke(scene: Scene, terminal: Terminal) -> str:
    teller = scene.teller
    teller.step("The subscriber changes their mind in mid-session")
    session = next(iter(scene.house.live)).id
    teller.typed("ping -c 100 9.9.9.9")
    await terminal.type("ping -c 100 9.9.9.9", until="seq=1")
    await scene.subscriber.reload()
    start = time.monotonic()
    await scene.subscriber.press("/revoke")
    status, rest = await terminal.ended()
    took = time.monotonic() - start
    teller.tell(rest.splitlines()[-1] if rest.strip() else "")
    teller.check(status != 0, f"the rep's terminal is closed, {took * 1000:.0f} ms after the click")
    again, _, err = await scene.ssh.run(f"{ROUTER}@127.0.0.1", "uptime")
    teller.tell(err)
    teller.check(again == exits.NOT_PERMITTED, "and stays closed")
    return session


async def _replay(scene: Scene, session: str) -> None:
    teller = scene.teller
    teller.step("An auditor replays")
    words = ("replay", session, "--speed", "max", "--reason", "monthly sample")
    teller.typed(f"vestibule replay {session} --speed max --reason 'monthly sample'")
    status, out, err = await _vestibule(scene.settings, *words)
    teller.tell("\n".join(out.splitlines()[-12:]))
    teller.check(status == 0 and "seq=1" in out and "Refused" in out, "the session as the rep saw it")
    teller.check("Correct-Horse" not in out + err, "without the secret that was typed")


async def _verify(scene: Scene, directory: Path) -> None:
    teller = scene.teller
    teller.step("An auditor verifies, and a tampered copy is caught")
    await scene.house.journal.checkpoint()
    evidence = scene.settings.evidence_dir
    teller.typed("vestibule verify")
    status, out, err = await _vestibule(scene.settings, "verify", str(evidence))
    teller.tell(out + err)
    teller.check(status == 0, "every entry is there, unaltered, in order, signed")
    copy = directory / "copy"
    _copy_log(evidence, copy)
    changed = _tamper(copy / "audit.db")
    teller.typed(f"… change one byte of entry {changed} in a copy …; vestibule verify copy")
    status, out, err = await _vestibule(scene.settings, "verify", str(copy))
    teller.tell("\n".join((out + err).splitlines()[-6:]))
    teller.check(status == exits.FAILED, "the tampered copy is caught")


async def _hand_out(scene: Scene, session: str, directory: Path) -> None:
    teller = scene.teller
    teller.step("A stranger checks a bundle, with nothing but Python")
    bundle, away = directory / "bundle.zip", directory / "away"
    words = ("export", session, "--basis", "complaint 7", "--disclose", "act,out,rec", "-o", str(bundle))
    teller.typed("vestibule export … --basis 'complaint 7' --disclose act,out,rec -o bundle.zip")
    status, out, err = await _vestibule(scene.settings, *words)
    teller.check(status == 0, "the export is on record before the file is written")
    away.mkdir()
    (away / "policy.txt").write_text(f"log {scene.house.journal.verifier_key}\nquorum none\n", encoding="utf-8")
    with zipfile.ZipFile(bundle) as archive:
        archive.extract("vestibule-verify.py", away)
    command = ("vestibule-verify.py", "../bundle.zip", "--policy", "policy.txt")
    teller.typed(f"python3 -I {' '.join(command)}")
    status, out, err = await _python(away, *command)
    teller.tell("\n".join(line for line in out.splitlines() if line.startswith(_TELLING)))
    teller.check(status == 0, f"complete and unaltered, says one file that needs no Vestibule{err}")
    with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(away / "changed.zip", "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            changed.writestr(name, content.replace(b"ping -c 3", b"ping -c 4") if ".act." in name else content)
    teller.typed("… change one digit of what the rep typed, in a copy of the bundle …")
    status, _, _ = await _python(away, "vestibule-verify.py", "changed.zip", "--policy", "policy.txt")
    teller.check(status == exits.FAILED, "and a changed copy is caught")


_TELLING: Final = ("checkpoint", "entries", "export", "disclosed", "recording", "session", "commands")


async def _python(directory: Path, *words: str) -> tuple[int, str, str]:
    """Run a program with this Python and nothing of ours, as on a machine without Vestibule."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", *words, cwd=directory, env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), STEP_SECONDS)
    return process.returncode or 0, plain(out), plain(err)


def _copy_log(evidence: Path, copy: Path) -> None:
    """A consistent copy of a log in use, as a backup makes it."""
    shutil.copytree(evidence, copy, ignore=shutil.ignore_patterns("*.db*", "*.sock", "*lock*"))
    for name in ("audit.db", "keys.db"):
        with (
            contextlib.closing(sqlite3.connect(evidence / name)) as source,
            contextlib.closing(sqlite3.connect(copy / name)) as target,
        ):
            source.backup(target)
        (copy / name).chmod(0o600)


def _tamper(database: Path) -> int:
    """Turn a refusal into a permission: the change that somebody would want to make. Returns the entry's index."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        found = db.execute("SELECT idx, head FROM entry WHERE instr(head, CAST('cmd.blocked' AS BLOB)) LIMIT 1")
        row = found.fetchone()
        if row is None:
            raise DemoFailed("The log has no refused command to change.")
        head = bytes(row[1]) if not isinstance(row[1], str) else row[1].encode()
        db.execute("UPDATE entry SET head=? WHERE idx=?", (head.replace(b"cmd.blocked", b"cmd.allowed"), row[0]))
        db.commit()
        return int(row[0])


async def _vestibule(settings: Settings, *words: str) -> tuple[int, str, str]:
    """Run the `vestibule` command as an auditor does."""
    path = settings.data_dir / "vestibule.toml"
    if not path.exists():
        path.write_text(f'data_dir = {json.dumps(str(settings.data_dir))}\ntenant = "demo"\n', encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *words,
        env={**os.environ, "VESTIBULE_CONFIG": str(path), "NO_COLOR": "1", "COLUMNS": "100"},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 3 * STEP_SECONDS)
    return process.returncode or 0, plain(out), plain(err)


async def _rep(scene: Scene) -> Authenticated:
    key = asyncssh.read_private_key(scene.ssh.key).export_public_key().decode()
    auth = await scene.house.service.authenticate_key(key, "demo", fido2=False)
    assert auth is not None
    return auth


async def run(*, keep: bool, say: Say = print, colour: bool = False) -> int:
    """Tell the story. Returns the exit status; `keep` leaves everything running until Ctrl-C."""
    if not shutil.which("ssh"):
        say("The demo needs the OpenSSH client (Debian: apt-get install openssh-client).")
        return exits.UNAVAILABLE
    teller = Teller(say, colour)
    directory = Path(tempfile.mkdtemp(prefix="vestibule-demo-"))
    begun = time.monotonic()
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # leave nothing behind
    try:
        async with _stage(teller, directory) as scene:
            await _no_consent(scene)
            await _ask(scene)
            async with Terminal.open(scene.ssh, f"{ROUTER}@127.0.0.1", prompt=PROMPT) as terminal:
                await _diagnose(scene, terminal)
                await _pivot(scene, terminal)
                await _change(scene, terminal)
                session = await _revoke(scene, terminal)
            await second_act(scene)
            await _replay(scene, session)
            await _verify(scene, directory)
            await _hand_out(scene, session, directory)
            say(f"\nAll {teller.checks} checks of {teller.steps} steps held, in {time.monotonic() - begun:.1f} s.")
            if keep:
                await _keep(scene, directory)
    except (DemoFailed, TimeoutError) as error:
        say(f"\nFAILED: {str(error) or 'a step hung'}")
        return exits.FAILED
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return exits.OK


async def _keep(scene: Scene, directory: Path) -> None:
    """Leave it running and say what to type."""
    say = scene.teller.say
    ssh = " ".join(scene.ssh.command())
    say("\nStill running; Ctrl-C ends it and removes everything. Try, in other terminals:")
    say(f"  {ssh} vestibule@127.0.0.1 request {ROUTER} --ticket T-1 --reason test")
    say(f"  ls -t {scene.settings.outbox_dir}        # the subscriber's messages; open the link in a browser")
    say(f"  {ssh} {ROUTER}@127.0.0.1")
    command = f"VESTIBULE_CONFIG={scene.settings.data_dir}/vestibule.toml {sys.executable} -m gateway"
    say(f"  {command} log")
    say(f"  {command} review link        # signs you in to the auditor's pages, once")
    say(f"  (everything is in {directory})")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
