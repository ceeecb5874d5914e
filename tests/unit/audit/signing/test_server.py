"""The signer's socket: who is let in, what is bounded, what a broken disk does."""

import os
import socket
import stat
import threading

import pytest

from audit.errors import LogDamaged, SignerUnavailable
from audit.signing.protocol import MAX_FRAME, TellFailed, frame_length, parse_answer
from audit.signing.remote import RemoteSigner
from audit.signing.server import MAX_CONNECTIONS, handed_over, listen_at
from audit.signing.signer import MemoryState, Signer
from audit.signing.span import Span
from audit.tlog.checkpoint import open_checkpoint
from audit.tlog.merkle import leaf_hash, root
from audit.tlog.note import SigningKey

KEY = SigningKey("logs.isp/1", bytes(range(32)))
LOG = [leaf_hash(bytes([number])) for number in range(50)]


def span(low, high):
    made = Span(low)
    made.extend(LOG[low:high])
    return made


def spoken(path, data, *, end=True):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        return answer


def test_others_are_hung_up_on(serving, tmp_path):
    path = tmp_path / "sock"
    signer = Signer(KEY, MemoryState())
    with serving(signer, path, frozenset({os.getuid() + 1})):
        with pytest.raises(SignerUnavailable, match="--allow"):
            RemoteSigner(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_socket_for_a_group(tmp_path):
    listening = listen_at(tmp_path / "sock", group=os.getgid())
    assert stat.S_IMODE((tmp_path / "sock").stat().st_mode) == 0o660
    listen_at(tmp_path / "sock").close()  # one that was left behind is replaced
    listening.close()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="in use"):
        listen_at(tmp_path / "file")


def test_a_socket_of_systemd(monkeypatch):
    assert handed_over() is None
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    assert handed_over() is None


@pytest.mark.parametrize("data", [b"", b"\0\0", b"\0\0\0\5abc", b"\xff" * 40, (MAX_FRAME + 1).to_bytes(4, "big")])
def test_what_is_no_frame_gets_no_answer(serving, tmp_path, data):
    with serving(Signer(KEY, MemoryState()), tmp_path / "sock"):
        assert spoken(tmp_path / "sock", data) == b""
        assert RemoteSigner(tmp_path / "sock").state.size == 0


def test_what_is_no_request_is_told_so(serving, tmp_path):
    with serving(Signer(KEY, MemoryState()), tmp_path / "sock"):
        answer = spoken(tmp_path / "sock", b"\0\0\0\2{}")
    assert len(answer) == 4 + frame_length(answer[:4])
    assert isinstance(parse_answer(answer[4:]), TellFailed)


def test_more_connections_than_that_are_turned_away(serving, tmp_path):
    path = tmp_path / "sock"
    with serving(Signer(KEY, MemoryState()), path):
        idle = []
        for _ in range(MAX_CONNECTIONS):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(str(path))
            idle.append(connection)
        with pytest.raises(SignerUnavailable):
            RemoteSigner(path)
        for connection in idle:
            connection.close()
        RemoteSigner(path)


def test_two_who_ask_at_once_for_different_trees(serving, tmp_path):
    """One of the two trees is signed, and only that one, whoever comes first."""
    path, outcomes = tmp_path / "sock", []
    others = [leaf_hash(b"other"), *LOG[1:]]

    def ask(log):
        client = RemoteSigner(path)
        gate.wait()
        made = Span(0)
        made.extend(log[:20])
        try:
            outcomes.append(open_checkpoint(client.sign(20, root(log[:20]), made), KEY.verifier).root)
        except LogDamaged:
            outcomes.append(None)

    signer = Signer(KEY, MemoryState())
    with serving(signer, path):
        gate = threading.Barrier(8)
        threads = [threading.Thread(target=ask, args=(LOG if number % 2 else others,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcome is None for outcome in outcomes) == [False] * 4 + [True] * 4
    assert {outcome for outcome in outcomes if outcome} == {signer.state.root}


def test_a_state_that_cannot_be_kept_ends_the_signer(serving, tmp_path):
    class Failing(MemoryState):
        def save(self, state):
            raise OSError(28, "No space left on device")

    with serving(Signer(KEY, Failing()), tmp_path / "sock") as server:
        client = RemoteSigner(tmp_path / "sock")
        with pytest.raises(SignerUnavailable, match="Look at its disk"):
            client.sign(1, root(LOG[:1]), span(0, 1))
        assert server.failed.is_set()
        assert client.state.size == 0
