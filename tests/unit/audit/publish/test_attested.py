"""What is signed is shown at once and asked for beside; whom to ask may be nobody."""

import threading

import pytest

from audit.files import WITNESSED_FILE
from audit.publish.attested import NOBODY, Attestation, Attested
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.merkle import EMPTY_ROOT
from audit.tlog.note import SigningKey, parse_note, sign_note
from audit.tlog.policy import Policy
from config.clock import FakeClock

LOG = SigningKey("logs.isp/1", bytes(range(32)))
WITNESS = CosigningKey("w.example/1", bytes(32))
NOTE = sign_note(Checkpoint("logs.isp/1", 0, EMPTY_ROOT).text(), LOG).encode()


@pytest.fixture
def attested(tmp_path):
    made = []

    def attest(asked, show, failed=lambda _error: None):
        attested = Attested(
            asked, tmp_path, show, lambda _new, _old: [], lambda *_: None, failed, FakeClock(), log_keys=[LOG.verifier]
        )
        made.append(attested)
        return attested

    yield attest
    for one in made:
        one.close()
        one.close()


def nobody_home(*, url="http://127.0.0.1:9"):
    return Policy.parse(f"witness w {WITNESS.verifier} {url}\nquorum w\n")


def test_nobody_is_asked(attested, tmp_path):
    shown = []
    one = attested(NOBODY, shown.append)
    one.show(NOTE)
    assert shown == [NOTE] == [(tmp_path / "checkpoint").read_bytes()]
    assert one.quorum_age is None


def test_who_is_away_holds_nothing_up(attested, tmp_path):
    shown = []
    one = attested(Attestation(nobody_home(), timestamp_url="http://127.0.0.1:9/tsa"), shown.append)
    one.show(NOTE)
    assert shown == [NOTE]
    assert one.quorum_age == 0
    assert not (tmp_path / WITNESSED_FILE).exists()


def test_the_age_is_known_from_the_run_before(attested, tmp_path):
    parsed = parse_note(NOTE)
    at = int(FakeClock().now().timestamp()) - 100
    (tmp_path / WITNESSED_FILE).write_bytes(parsed.with_signatures(WITNESS.cosign(parsed.text, at)).encode())
    assert attested(Attestation(nobody_home()), lambda _note: None).quorum_age == 100


def test_a_cosigned_checkpoint_that_cannot_be_shown_is_said(attested):
    heard, shown = threading.Event(), []

    def show(note):
        shown.append(note)
        if len(shown) > 1:
            raise OSError(28, "No space left on device")

    errors = []

    def failed(error):
        errors.append(error)
        heard.set()

    one = attested(NOBODY, show, failed)
    one.show(NOTE)
    one._cosigned(parse_note(NOTE).with_signatures(WITNESS.cosign(parse_note(NOTE).text, 1)).encode(), quorum=False)
    assert heard.is_set()
    assert isinstance(errors[0], OSError)
