"""`gateway.__main__` and the command together with a real gateway: set up, served in this process, asked by socket."""

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from gateway import exits
from gateway.__main__ import main
from gateway.assembly import House

PORTS = "[ssh]\nport = 0\n[customer]\nport = 0\n[api]\nport = 0\n[review]\nport = 0\n"


@dataclass(frozen=True)
class Gateway:
    """A running gateway and its settings file."""

    config: Path
    house: House


class _Served(threading.Thread):
    """Runs a gateway in an event loop of its own until it is told to stop."""

    def __init__(self, config: Path) -> None:
        super().__init__()
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self.ready = threading.Event()
        self.house: House | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self.ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        house = await House.open(load(self._config))
        await house.start()
        self.house = house  # only now: what did not start answers nobody
        self.ready.set()
        await self._ended.wait()
        await house.stop()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self.join()


@pytest.fixture(scope="module", autouse=True)
def _logging(logging_restored: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    with logging_restored():
        yield


@pytest.fixture(scope="module")
def gateway(_logging: None) -> Iterator[Gateway]:
    # Not below pytest's directories: a Unix socket's path has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="vestibule-") as above:
        config = Path(above) / "vestibule.toml"
        config.write_text(f'data_dir = "{above}/data"\n{PORTS}')
        assert main(["init", "--config", str(config), "--json"]) == 0
        served = _Served(config)
        served.start()
        served.ready.wait(60)
        assert served.house is not None
        yield Gateway(config, served.house)
        served.stop()


@pytest.fixture
def ask(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with `--json`: its answer, which must be well, or its fault."""

    def run(*words: str, expect: int = 0) -> Any:
        capsys.readouterr()
        status = main([*words, "--config", str(gateway.config), "--json"])
        printed = capsys.readouterr()
        assert status == expect, printed.err
        return json.loads(printed.out or printed.err)

    return run


def test_serve_fails_in_the_same_words_with_options_and_without(tmp_path, monkeypatch, capsys):
    missing = tmp_path / "missing.toml"
    monkeypatch.setenv("VESTIBULE_CONFIG", str(missing))
    assert main(["serve"]) == exits.CONFIG
    alone = capsys.readouterr().err
    assert alone.startswith(f"{missing}: there is no settings file.")
    assert main(["serve", "--config", str(missing)]) == exits.CONFIG
    assert capsys.readouterr().err == alone


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO/ngralOK5uy1jFZA5Xqkh62EBFHkfPo/ZnDRHR5m3D"


def test_the_kernel_says_who_the_operator_is(ask):
    [operator] = [one for one in ask("person", "list") if one["role"] == "operator"]
    assert operator["name"]


def test_people_and_routers(ask, tmp_path):
    ask("person", "add", "alice", "--role", "rep", "--key", KEY)
    assert ask("person", "add", "alice", "--role", "rep", expect=exits.USAGE)["code"] == "bad_request"
    ask("person", "training", "alice", "2030-01-01")
    ask("person", "disable", "alice")
    ask("person", "key", "remove", "alice", KEY)
    [alice] = [one for one in ask("person", "list") if one["name"] == "alice"]
    assert (alice["disabled"], alice["training_until"]) == (True, "2030-01-01T23:59:59Z")
    secret = tmp_path / "password"
    secret.write_text("hunter2")
    words = ("router", "add", "r-1", "--address", "203.0.113.7", "--user", "gw", "--password-file", str(secret))
    ask(*words, "--host-key", KEY, "--platform", "openwrt", "--contact", "mail:ann@example.net")
    assert [one["name"] for one in ask("router", "list")] == ["r-1"]
    ask("router", "contact", "r-1", "phone:+15145550100")
    ask("router", "credential", "r-1", "--user", "gw2", "--password-file", str(secret))
    ask("router", "host-key", "r-1", "--host-key", KEY)
    ask("router", "remove", "r-1")
    assert ask("router", "list") == []


def test_a_machine_asks_by_token(ask, gateway, tmp_path, capsys):
    ask("person", "add", "crm", "--role", "automation")
    token = tmp_path / "token"
    ask("person", "token", "new", "crm", "--output", str(token))
    there = ("--url", f"http://127.0.0.1:{gateway.house.api_port}", "--token-file", str(token))
    assert ask("consent", "list", *there) == []
    assert ask("person", "list", *there, expect=exits.NOT_PERMITTED)["code"] == "not_allowed"
    assert ask("session", "kill", "01M83P1VCTGT2BG7818VYGZBW8", *there, expect=exits.NOT_PERMITTED)
    asked = ("consent", "request", "nowhere", "--ticket", "1", "--reason", "x", *there)
    assert ask(*asked, expect=exits.NOT_PERMITTED)["message"]
    ask("person", "token", "revoke", "crm")
    assert ask("consent", "list", *there, expect=exits.NOT_PERMITTED)["code"] == "not_authenticated"


def test_reading_sealed_parts_is_on_record(ask):
    ask("log", "--open-sealed", "--last", "1", "--reason", "case 7")
    assert "replay.view" in [entry["kind"] for entry in ask("log", "--last", "5")]


def test_the_log_verifies_while_the_gateway_runs(ask):
    assert ask("verify")["result"] == "verified"


def test_two_gateways_do_not_share_a_data_directory(ask):
    assert "A gateway runs" in ask("init", expect=exits.UNAVAILABLE)["message"]


def test_init_is_safe_to_repeat_and_on_record(tmp_path, capsys):
    config = tmp_path / "v.toml"
    words = ["init", "--config", str(config), "--data-dir", str(tmp_path / "data"), "--json"]
    for first in (True, False):
        capsys.readouterr()
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out)["operator_added"] is first
    main(["log", "--dir", str(tmp_path / "data"), "--json", "--open-sealed"])
    entries = json.loads(capsys.readouterr().out)
    [added] = [entry for entry in entries if entry["kind"] == "admin.change"]
    assert added["facts"] == {"act": "person.add", "by": "init"}
    assert added["sealed"]["who"] == {"uid": os.getuid()}


def test_an_operator_is_nobody_else(tmp_path, capsys):
    """A user id that belongs to somebody of another role is not turned into an operator."""
    config = tmp_path / "v.toml"
    words = ["init", "--config", str(config), "--data-dir", str(tmp_path / "data")]
    assert main([*words, "--operator", "4242"]) == 0
    asyncio.run(_make_rep(config, 4343))
    assert main([*words, "--operator", "4343"]) == exits.CONFIG
    assert "no operator" in capsys.readouterr().err


async def _make_rep(config: Path, uid: int) -> None:
    house = await House.open(load(config))
    await house.registry.add_person("bob", "rep", uid=uid)
    await house.stop()
