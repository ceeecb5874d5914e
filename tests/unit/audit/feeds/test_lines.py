"""CEF, ECS and syslog: read back by small parsers of their grammars, with texts that try to break out."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import Kind
from audit.feeds.cef import cef
from audit.feeds.ecs import ecs, ecs_object
from audit.feeds.event import Party
from audit.feeds.syslog import framed, syslog

from .conftest import HOSTILE, event


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """Header fields and extension, by the rules of the CEF guide."""
    fields = re.split(r"(?<!\\)(?:\\\\)*\|", line, maxsplit=7)
    pairs = re.findall(r"(?:^| )([A-Za-z0-9]+)=((?:\\.|[^\\=])*?)(?=(?: [A-Za-z0-9]+=)|$)", fields[7])
    unescape = {"\\\\": "\\", "\\=": "=", "\\n": "\n", "\\r": "\r"}
    return fields[:7], {name: re.sub(r"\\.", lambda m: unescape[m[0]], value) for name, value in pairs}


def read_syslog(message: str) -> dict[str, str]:
    """Structured data of RFC 5424."""
    match = re.match(
        r"<(\d+)>1 (\S+) (\S+) (\S+) (\S+) (\S+) \[vestibule@32473((?: [^ =\]\"]+=\"(?:\\.|[^\"\\\]])*\")*)\] ", message
    )
    assert match is not None, message
    assert 104 <= int(match[1]) <= 111
    return {
        name: re.sub(r"\\(.)", r"\1", value) for name, value in re.findall(r'([^ =]+)="((?:\\.|[^"\\])*)"', match[7])
    }


def cleaned(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)


@given(st.text(max_size=60))
def test_cef_gives_back_what_went_in(text):
    header, fields = read_cef(cef(event(command=text + "x", actor=Party("actor-1", "u" + text))).decode())
    assert header[:5] == ["CEF:0", "Vestibule", "gateway", "1", "cmd.blocked"]
    kept = re.sub(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]", " ", text)
    assert fields["msg"] == kept + "x"
    assert fields["suser"] == "u" + kept
    assert fields["externalId"] == "logs.isp/x#7"


@given(st.text(max_size=60))
def test_syslog_gives_back_what_went_in(text):
    line = syslog(event(command=text)).decode()
    assert "\n" not in line
    assert read_syslog(line)["command"] == cleaned(text)


@pytest.mark.parametrize("form", [cef, ecs, syslog])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_one_line(form, kind):
    line = form(event(kind, command=HOSTILE, facts={"why": "x"}))
    assert b"\n" not in line
    assert b"\r" not in line
    assert b"\x1b" not in line
    assert kind.value.encode() in line


def test_syslog_severity_tells_alarms():
    assert syslog(event(Kind.INTEGRITY_ALARM)).startswith(b"<105>1 2026-11-23T10:00:00.123456Z logs.isp/x vestibule - ")
    assert syslog(event(Kind.CMD_INTENT)).startswith(b"<110>1 ")


def test_frames_count_octets():
    message = syslog(event(command="é"))
    assert framed(message) == b"%d " % len(message) + message


def test_ecs_has_the_fields_that_rules_look_at():
    value = ecs_object(event(command="telnet x", actor=Party("actor-1", "alice"), source="198.51.100.7"))
    assert value["event"]["outcome"] == "failure"
    assert value["event"]["type"] == ["info", "denied"]
    assert value["process"]["command_line"] == "telnet x"
    assert (value["user"], value["source"]) == ({"id": "actor-1", "name": "alice"}, {"ip": "198.51.100.7"})
    assert value["@timestamp"] == "2026-11-23T10:00:00.123Z"
    assert json.loads(ecs(event(Kind.STRIKE)))["event"]["kind"] == "alert"
