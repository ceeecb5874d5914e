"""The command as a whole: help, options, exit statuses, errors."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from config.errors import ConfigError
from gateway import exits
from gateway.cli.app import Programs, make_app
from gateway.cli.faults import fault_of

COMMANDS = ["check-config", "consent", "demo", "init", "log", "open", "person", "policy", "replay", "router", "serve"]
COMMANDS += ["session", "verify"]
HEAVY = {"asyncssh", "fastapi", "httpx", "netmiko", "sqlalchemy", "uvicorn", "yaml"}


def test_help_names_every_command(vestibule):
    shown = vestibule("--help")
    assert shown.status == 0
    for name in COMMANDS:
        assert f" {name} " in shown.out


def test_without_words_it_helps(vestibule):
    shown = vestibule()
    assert (shown.status, shown.err) == (exits.USAGE, "")
    assert "Usage" in shown.out


def leaves(command, path=()):
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, inner in below.items():
        yield from leaves(inner, (*path, name))


@functools.cache
def all_commands():
    nothing = lambda *_: 0  # noqa: E731
    programs = Programs(initialise=nothing, first_operator=nothing, serve=nothing, demo=nothing)
    return dict(leaves(typer.main.get_command(make_app(programs))))


@pytest.mark.parametrize("path", all_commands(), ids=" ".join)
def test_every_command_has_help_json_and_config(vestibule, path):
    options = {name for parameter in all_commands()[path].params for name in parameter.opts}
    assert {"--json", "--config"} <= options
    assert ("--url" in options) is ("--token-file" in options)
    shown = vestibule(*path, "--help")
    assert (shown.status, shown.err) == (0, "")
    assert "--json" in shown.out


def test_no_secret_is_an_argument():
    names = {name for command in all_commands().values() for one in command.params for name in one.opts}
    assert not {"--password", "--enable-password", "--token-value", "--secret", "--passphrase"} & names


def test_the_version(vestibule):
    assert vestibule("--version").out.startswith("vestibule ")


def test_a_wrong_option_is_one_sentence(vestibule):
    shown = vestibule("policy", "list", "--nonsense")
    assert (shown.status, shown.out) == (exits.USAGE, "")
    assert shown.err == "No such option: --nonsense.\n"


def test_a_wrong_command_is_one_sentence(vestibule):
    shown = vestibule("opne", "r-1")
    assert shown.status == exits.USAGE
    assert shown.err.count("\n") == 1


def test_an_error_is_json_where_json_was_asked_for(vestibule):
    shown = vestibule("consent", "show", "nonsense", "--json")
    assert shown.fault == {"code": "bad_request", "message": shown.fault["message"], "exit": exits.USAGE}
    assert shown.out == ""


def test_json_behind_a_double_dash_is_a_word_like_any_other(vestibule):
    shown = vestibule("policy", "explain", "-p", "nonsense", "--", "--json")
    assert shown.err.startswith("There is no table for platform")


def test_verify_has_a_scale_of_its_own(vestibule):
    assert vestibule("verify", "--nonsense").status == exits.UNVERIFIABLE
    assert vestibule("verify", "/nowhere").status == exits.UNVERIFIABLE
    assert vestibule("verify", "--json").fault["exit"] == exits.UNVERIFIABLE  # no settings file
    assert vestibule("log").status == exits.CONFIG


def test_an_interrupt_is_no_accident(vestibule):
    def interrupted(*_):
        raise KeyboardInterrupt

    vestibule.programs["demo"] = interrupted
    assert vestibule("demo").status == exits.INTERRUPTED


def test_what_should_not_happen_tells_where_and_not_what(vestibule):
    def broken(*_):
        raise RuntimeError("hunter2")

    vestibule.programs["demo"] = broken
    shown = vestibule("demo")
    assert shown.status == exits.INTERNAL
    assert "hunter2" not in shown.err
    assert "RuntimeError at test_app.py:" in shown.err


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (ConfigError("x"), "config_error", exits.CONFIG),
        (PermissionError(13, "Permission denied", "/x"), "system", exits.FAILED),
        (BrokenPipeError(), "output_closed", exits.OUTPUT_CLOSED),
        (EOFError(), "interrupted", exits.INTERRUPTED),
        (typer.BadParameter("no"), "usage", exits.USAGE),
    ],
)
def test_faults(error, code, status):
    fault = fault_of(error)
    assert (fault.code, fault.exit) == (code, status)


def test_a_system_error_names_the_file():
    assert fault_of(PermissionError(13, "Permission denied", "/x")).message == "/x: Permission denied."


def test_help_and_verify_load_no_server(evidence):
    """What makes them start quickly, measured in a way that no busy machine can disturb."""
    code = f"""
import sys
from gateway.__main__ import main
main(["--help"])
main(["verify", {str(evidence.data_dir)!r}])
loaded = {HEAVY!r} & set(sys.modules)
sys.stderr.write("loaded: " + ", ".join(sorted(loaded)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.rpartition("loaded: ")[2] == ""


def test_a_reader_that_stops_ends_it_quietly(evidence, tmp_path: Path):
    environment = {"PATH": "/usr/bin:/bin", "VESTIBULE_CONFIG": str(evidence.config)}
    code = "import sys; from gateway.__main__ import main; sys.exit(main(['log', '--json']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == exits.OUTPUT_CLOSED
    assert err == b""


def test_the_shell_completes(vestibule, monkeypatch):
    monkeypatch.setenv("_VESTIBULE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "vestibule person to")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert vestibule().out.split() == ["totp", "token"]


def test_json_errors_of_the_parser(vestibule):
    shown = vestibule("policy", "explain", "--json")
    assert json.loads(shown.err)["code"] == "usage"
