"""Every kind of entry as an OCSF event, held against what the schema demands of its class."""

import json
from pathlib import Path

import pytest

from audit.entry import Kind
from audit.feeds.event import Party
from audit.feeds.ocsf import ocsf, ocsf_object

from .conftest import HOSTILE, event

SCHEMA = json.loads(Path(__file__).with_name("ocsf-1.3.json").read_text())


def complaints(value) -> list[str]:
    found = [f"no {name}" for name in SCHEMA["base"]["required"] if name not in value]
    rule = SCHEMA["classes"][str(value["class_uid"])]
    found += [f"no {name}" for name in rule["required"] if name not in value]
    if rule["one_of"] and not any(name in value for name in rule["one_of"]):
        found.append(f"none of {rule['one_of']}")
    if value["category_uid"] != rule["category"] or value["activity_id"] not in rule["activity"]:
        found.append("category or activity is not the class's")
    if value["type_uid"] != value["class_uid"] * 100 + value["activity_id"]:
        found.append("type_uid")
    if value["severity_id"] not in SCHEMA["base"]["severity_id"]:
        found.append("severity_id")
    if value["activity_id"] == 99 and not value.get("activity_name"):
        found.append("activity 99 without a name")
    return found + _objects(value)


def _objects(value) -> list[str]:
    found = []
    for name, part in value.items():
        if name == "unmapped" or not isinstance(part, dict):
            continue
        rule = SCHEMA["objects"].get(name, {"required": [], "one_of": []})
        found += [f"{name}: no {one}" for one in rule["required"] if one not in part]
        if rule["one_of"] and not any(one in part for one in rule["one_of"]):
            found.append(f"{name}: none of {rule['one_of']}")
        found += _objects(part)
    return found


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("known", [True, False])
def test_every_kind_fits_its_class(kind, known):
    given = (
        {} if known else {"actor": None, "router": None, "session": None, "n": None, "consent_ref": None, "facts": {}}
    )
    assert complaints(ocsf_object(event(kind, **given))) == []


def test_the_check_itself_notices():
    value = ocsf_object(event(Kind.CMD_INTENT))
    assert complaints({**value, "activity_id": 42}) != []
    assert complaints({name: part for name, part in value.items() if name != "api"}) == ["no api"]
    assert complaints({**value, "actor": {}}) != []


def test_classes_of_the_kinds_people_look_for():
    found = {
        kind.value: ocsf_object(event(kind))["type_uid"]
        for kind in (
            Kind.AUTH_OK, Kind.CONSENT_GRANTED, Kind.CONSENT_REVOKED, Kind.SESSION_OPENED, Kind.SESSION_REFUSED,
            Kind.CMD_INTENT, Kind.STRIKE, Kind.INTEGRITY_ALARM, Kind.EXPORT_MADE, Kind.ADMIN_CHANGE,
        )
    }  # fmt: skip
    assert found == {
        "auth.ok": 300201, "consent.granted": 300501, "consent.revoked": 300502, "session.opened": 400701,
        "session.refused": 400705, "cmd.intent": 600303, "strike": 200401, "integrity.alarm": 200401,
        "export.made": 100807, "admin.change": 300403,
    }  # fmt: skip


def test_denied_and_allowed():
    assert ocsf_object(event(Kind.CMD_BLOCKED))["action_id"] == 2
    assert ocsf_object(event(Kind.CMD_INTENT))["action_id"] == 1


def test_one_line_whatever_stands_in_it():
    line = ocsf(event(command=HOSTILE, actor=Party("actor-1", HOSTILE)))
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line)["raw_data"] == HOSTILE


def test_times_are_milliseconds_and_uids_stable():
    value = ocsf_object(event())
    assert (value["time"], value["metadata"]["uid"]) == (1795428000123, "logs.isp/x#7")
    assert value["unmapped"]["leaf_hash"] == bytes(range(32)).hex()
