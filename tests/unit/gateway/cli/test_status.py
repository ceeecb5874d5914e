"""`vestibule status`: what people read, and what monitoring asks for."""

from typing import Any

from gateway import exits

WELL: dict[str, Any] = {
    "origin": "logs.isp/1",
    "size": 1200,
    "recording": True,
    "checkpoint": {"size": 1200, "age_seconds": 3.2, "unsigned_seconds": 0, "signer_answers": True},
    "quorum": {"age_seconds": 61.0, "policy": "/etc/vestibule/witnesses", "alarm_seconds": 900},
    "undelivered_seconds": 0.2,
    "index_behind": 0,
    "feeds": [{"name": "siem", "behind": 17}, {"name": "odd", "behind": None}],
    "approvals": 2,
    "sessions": 1,
    "disk": {"total": 20 * 2**30, "free": 5 * 2**30, "low": False},
    "warnings": [],
}


def test_all_is_well(vestibule):
    vestibule.api.on("GET", "/v1/status", WELL)
    shown = vestibule("status")
    assert shown.status == 0, shown.err
    for words in (
        "logs.isp/1", "1200 entries, signed 3 s ago", "quorum 61 s ago, /etc/vestibule/witnesses", "up to date",
        "siem: 17 entries behind", "odd: unknown", "5.0 of 20.0 GiB",
    ):  # fmt: skip
        assert words in shown.out
    assert vestibule("status", "--json").json == WELL


def test_warnings_are_an_exit_status(vestibule):
    waiting = {"size": None, "age_seconds": None, "unsigned_seconds": 77, "signer_answers": False}
    bare = {"quorum": None, "undelivered_seconds": None, "index_behind": None, "feeds": [], "approvals": None}
    vestibule.api.on("GET", "/v1/status", {**WELL, **bare, "checkpoint": waiting, "warnings": ["The disk is full."]})
    shown = vestibule("status")
    assert shown.status == exits.FAILED
    assert "The disk is full." in shown.out
    assert "the signer does not answer, for 77 s" in shown.out


def test_another_worker_signs(vestibule):
    vestibule.api.on("GET", "/v1/status", {**WELL, "checkpoint": None, "undelivered_seconds": 40})
    shown = vestibule("status").out
    assert "signed by another worker" in shown
    assert "waits for 40 s" in shown
