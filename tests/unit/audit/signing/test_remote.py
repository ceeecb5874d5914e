"""The gateway's side: it believes no answer, and a signer that is away proves nothing."""

import socket
import threading

import pytest

from audit.errors import LogDamaged, SignerUnavailable
from audit.signing.protocol import TellSigned, TellState, encode_answer, frame
from audit.signing.remote import RemoteSigner
from audit.signing.signer import MemoryState, SignedState, Signer
from audit.signing.span import Span
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import SigningKey

KEY, OTHER = SigningKey("logs.isp/1", bytes(range(32))), SigningKey("logs.isp/1", bytes(32))
LOG = [leaf_hash(bytes([number])) for number in range(9)]
STATE = frame(encode_answer(TellState((KEY.verifier,), SignedState("logs.isp/1", 0, ()))))


def span(low, high):
    made = Span(low)
    made.extend(LOG[low:high])
    return made


@pytest.fixture
def playing(tmp_path):
    """Something that listens and gives these answers, one a connection; none hangs up."""
    threads = []

    def play(*answers):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(tmp_path / "sock"))
        listening.listen()

        def answer_all():
            with listening:
                for answer in answers:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)

        threads.append(threading.Thread(target=answer_all))
        threads[-1].start()
        return tmp_path / "sock"

    yield play
    for thread in threads:
        thread.join(10)


def test_nobody_there(tmp_path):
    with pytest.raises(SignerUnavailable, match="vestibule signer serve"):
        RemoteSigner(tmp_path / "sock")


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\2", b"\0\0\0\2{}", b"HTTP/1.1 400 Bad Request\r\n", STATE[:-1]])
def test_something_else_there(playing, answer):
    with pytest.raises(SignerUnavailable):
        RemoteSigner(playing(answer))


def test_an_answer_that_does_not_come_is_given_up(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "sock"))
        listening.listen()
        with pytest.raises(SignerUnavailable, match="does not answer"):
            RemoteSigner(tmp_path / "sock", seconds=0.05)


def signed(key, count):
    return frame(
        encode_answer(TellSigned(Signer(key, MemoryState()).sign(count, root(LOG[:count]), span(0, count)).decode()))
    )


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (signed(OTHER, 3), "does not verify"),
        (signed(KEY, 4), "another tree"),
        (frame(encode_answer(TellSigned("no note"))), "does not verify"),
    ],
)
def test_a_wrong_signature_is_not_published(playing, answer, sentence):
    client = RemoteSigner(playing(STATE, answer))
    with pytest.raises(LogDamaged, match=sentence):
        client.sign(3, root(LOG[:3]), span(0, 3))
    assert client.state.size == 0


def test_after_a_lost_answer_the_same_is_asked_again(serving, tmp_path):
    """The signer signed, the answer was lost: the gateway asks the same again, then goes on."""
    signer = Signer(KEY, MemoryState())
    with serving(signer, tmp_path / "sock"):
        client = RemoteSigner(tmp_path / "sock")
        signer.sign(5, root(LOG[:5]), span(0, 5))
        assert client.sign(5, root(LOG[:5]), span(0, 5))
        assert client.state == signer.state
        assert client.sign(9, root(LOG), span(5, 9))
