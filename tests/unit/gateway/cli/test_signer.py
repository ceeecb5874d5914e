"""`vestibule signer`: made once, or taken over; serving is tried by tests/system/test_witnessed.py."""

from gateway import exits


def test_it_is_made_once(vestibule, tmp_path):
    state = tmp_path / "signer"
    made = vestibule("signer", "init", "--state", state, "--origin", "logs.isp", "--json")
    assert made.status == exits.OK
    assert made.json["origin"].startswith("logs.isp/")
    assert made.json["signed"] == 0
    assert len(made.json["keys"]) == 2
    again = vestibule("signer", "init", "--state", state)
    assert (again.status, "already" in again.err) == (exits.CONFIG, True)
    assert vestibule("signer", "key", "--state", state, "--json").json == made.json
    assert made.json["origin"] in vestibule("signer", "key", "--state", state).out


def test_it_takes_over_from_a_gateway(vestibule, tmp_path):
    vestibule("signer", "init", "--state", tmp_path / "keys", "--origin", "logs.isp/1")
    moved = vestibule("signer", "init", "--state", tmp_path / "signer", "--take-over", tmp_path / "keys", "--json")
    assert moved.status == exits.OK
    assert moved.json["origin"] == "logs.isp/1"
    assert not (tmp_path / "keys" / "log.key").exists()
    nothing = vestibule("signer", "init", "--state", tmp_path / "third", "--take-over", tmp_path / "keys")
    assert nothing.status == exits.RECORD_FAILED
    assert "log.key" in nothing.err


def test_what_is_missing_is_said(vestibule, tmp_path):
    nothing = vestibule("signer", "key", "--state", tmp_path)
    assert (nothing.status, "signer init" in nothing.err) == (exits.CONFIG, True)
    vestibule("signer", "init", "--state", tmp_path / "s")
    for words, said in (
        ((), "--socket"),
        (("--allow", "nobody-of-this-name"), "no Unix user"),
        (("--socket-group", "no-group-of-this-name"), "no Unix group"),
        (("--socket", tmp_path / "missing" / "sock"), "Cannot listen"),
    ):
        refused = vestibule("signer", "serve", "--state", tmp_path / "s", *words)
        assert refused.status == exits.CONFIG
        assert said in refused.err
