"""`vestibule consent`."""

import pytest

from gateway import exits

ID = "01M83NZ6NVWQJDAYS8RXFTZHMH"
CONSENT = {
    "id": ID, "state": "requested", "revision": 1, "router": "r-1", "rep": "Rep 7F3A", "ticket": "8812",
    "reason": "Wifi drops", "language": "en", "channel": None, "asked": ["wifi.credentials.write"], "granted": [],
    "minutes": 30, "sessions": 1, "sessions_used": 0, "sessions_live": 0, "requested_at": "2026-01-02T03:04:05Z",
    "lapses_at": "2026-01-02T04:04:05Z", "granted_at": None, "expires_at": None, "ended_at": None,
    "ended_reason": None, "code_attempts_left": 5, "questions": [], "extension": None, "statement_digest": "ab",
    "evidence_digest": None, "entry_index": None,
}  # fmt: skip
GRANTED = {
    **CONSENT, "state": "granted", "revision": 2, "channel": "link", "granted": [], "entry_index": 7,
    "granted_at": "2026-01-02T03:05:00Z", "expires_at": "2026-01-02T03:35:00Z",
}  # fmt: skip
ASK = ("consent", "request", "r-1", "--ticket", "8812", "--reason", "Wifi drops")


def test_request(vestibule):
    vestibule.api.on("POST", "/v1/consents", CONSENT, 201)
    shown = vestibule(*ASK, "--scope", "a.b,c.d", "--scope", "e.f", "--minutes", "20", "--language", "fr")
    assert shown.status == 0
    assert vestibule.api.asked[0][2] == {
        "router": "r-1", "ticket": "8812", "reason": "Wifi drops", "scope": ["a.b", "c.d", "e.f"], "minutes": 20,
        "sessions": 1, "language": "fr", "channel": "link",
    }  # fmt: skip
    assert ID in shown.out
    assert "vestibule open r-1" in shown.err


def test_request_with_a_spoken_code_says_how_it_goes_on(vestibule):
    vestibule.api.on("POST", "/v1/consents", CONSENT, 201)
    assert f"vestibule consent code {ID} CODE" in vestibule(*ASK, "--channel", "spoken_code").err


def test_waiting_for_yes(vestibule):
    vestibule.api.on("POST", "/v1/consents", CONSENT, 201)
    asking = {**CONSENT, "state": "more-info-requested", "revision": 2, "questions": [
        {"text": "Why\x1b[31m?", "asked_at": "2026-01-02T03:04:30Z", "answer": None, "answered_at": None}
    ]}  # fmt: skip
    vestibule.api.on("GET", f"/v1/consents/{ID}", asking)
    vestibule.api.on("GET", f"/v1/consents/{ID}", {**GRANTED, "revision": 3})
    shown = vestibule(*ASK, "--wait", "60", "--json")
    assert shown.status == 0
    assert shown.json["state"] == "granted"
    assert shown.err.count("The subscriber asks: Why\\x1b[31m?") == 1
    assert [query["since"] for _, _, query in vestibule.api.asked[1:]] == ["1", "2"]
    assert all(1 <= int(query["wait"]) <= 50 for _, _, query in vestibule.api.asked[1:])


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("granted", 0),
        ("in-use", 0),
        ("denied", exits.NOT_PERMITTED),
        ("lapsed", exits.NOT_PERMITTED),
        ("revoked", exits.NOT_PERMITTED),
    ],
)
def test_waiting_ends_with_the_decision(vestibule, state, status):
    vestibule.api.on("GET", f"/v1/consents/{ID}", CONSENT)
    vestibule.api.on("GET", f"/v1/consents/{ID}", {**GRANTED, "state": state})
    assert vestibule("consent", "show", ID, "--wait", "5").status == status


def test_waiting_ends_with_the_time(vestibule):
    vestibule.api.on("GET", f"/v1/consents/{ID}", CONSENT)
    assert vestibule("consent", "show", ID, "--wait", "1").status == exits.UNAVAILABLE


def test_looking_is_no_waiting(vestibule):
    vestibule.api.on("GET", f"/v1/consents/{ID}", {**CONSENT, "state": "denied"})
    assert vestibule("consent", "show", ID).status == 0
    assert len(vestibule.api.requests) == 1


def test_list(vestibule):
    vestibule.api.on("GET", "/v1/consents", [CONSENT, GRANTED])
    shown = vestibule("consent", "list", "--unfinished", "--last", "3")
    assert vestibule.api.asked == [("GET", "/v1/consents", {"unfinished": "true", "limit": "3"})]
    rows = shown.out.splitlines()
    assert rows[1].split()[0] == ID
    assert "wifi.credentials.write" in rows[1]
    assert rows[2].endswith("2026-01-02 03:35:00Z")


def test_show_tells_questions_and_answers(vestibule):
    questions = [
        {"text": "Why?", "asked_at": "2026-01-02T03:04:30Z", "answer": "Because.", "answered_at": "x"},
        {"text": "Really?", "asked_at": "2026-01-02T03:04:50Z", "answer": None, "answered_at": None},
    ]
    ended = {"ended_at": "2026-01-02T03:10:00Z", "ended_reason": "revoked", "state": "revoked"}
    vestibule.api.on("GET", f"/v1/consents/{ID}", {**GRANTED, **ended, "questions": questions})
    out = vestibule("consent", "show", ID).out
    for words in ("Why?", "Because.", "Really?", "2026-01-02 03:10:00Z, revoked", "nothing beyond that", "entry"):
        assert words in out


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (("code", ID, "4821-7730"), "code", {"code": "4821-7730"}),
        (("answer", ID, "So that it works."), "answer", {"text": "So that it works."}),
        (("extend", ID, "--minutes", "10", "--scope", "a.b"), "extension", {"minutes": 10, "scope": ["a.b"]}),
        (("close", ID.lower()), "close", {}),
    ],
)
def test_acts(vestibule, words, path, body):
    vestibule.api.on("POST", f"/v1/consents/{ID}/{path}", GRANTED)
    assert vestibule("consent", *words).status == 0
    assert vestibule.api.asked == [("POST", f"/v1/consents/{ID}/{path}", body)]


def test_token(vestibule):
    vestibule.api.on("POST", f"/v1/consents/{ID}/token", {"token": "eyJ.a.b"})
    assert vestibule("consent", "token", ID).out == "eyJ.a.b\n"


@pytest.mark.parametrize("text", ["../x", "", "01M83", ID + "0", ID[:-1] + "U"])
def test_an_id_never_becomes_a_path(vestibule, text):
    shown = vestibule("consent", "close", text)
    assert shown.status == exits.USAGE
    assert "vestibule consent list" in shown.err
    assert vestibule.api.requests == []
