"""What is shown never goes back, and keeps the cosignatures it gained."""

import threading

import pytest

from audit.files import WITNESSED_FILE
from audit.publish.board import Board
from audit.tlog.checkpoint import Checkpoint, open_checkpoint
from audit.tlog.cosignature import CosigningKey
from audit.tlog.note import SigningKey, parse_note, sign_note

KEY = SigningKey("logs.isp/1", bytes(range(32)))
WITNESS = CosigningKey("w", bytes(32))


def note(size):
    return sign_note(Checkpoint("logs.isp/1", size, bytes(32)).text(), KEY).encode()


def cosigned(size):
    plain = parse_note(note(size))
    return plain.with_signatures(WITNESS.cosign(plain.text, 1)).encode()


@pytest.fixture
def shown():
    return []


@pytest.fixture
def board(tmp_path, shown):
    return Board(tmp_path, shown.append)


def test_the_newest_is_shown_with_its_cosignatures(board, shown, tmp_path):
    board.show(note(3))
    board.show_cosigned(cosigned(3), quorum=False)
    assert board.witnessed() is None
    board.show(note(3))  # signed again: the cosignatures stay
    board.show(note(5))
    board.show_cosigned(cosigned(3), quorum=True)  # too late to be shown, but it has a quorum
    assert shown == [note(3), cosigned(3), note(5)]
    assert (tmp_path / "checkpoint").read_bytes() == note(5)
    assert (tmp_path / WITNESSED_FILE).read_bytes() == board.witnessed() == cosigned(3)


def test_without_a_directory_there_is_only_the_published_log(shown):
    board = Board(None, shown.append)
    board.show(note(1))
    board.show_cosigned(cosigned(1), quorum=True)
    assert shown == [note(1), cosigned(1)]
    assert board.witnessed() is None


def test_many_at_once_never_go_back(board, shown):
    threads = [
        threading.Thread(target=lambda: [board.show_cosigned(cosigned(size), quorum=True) for size in range(40)]),
        threading.Thread(target=lambda: [board.show(note(size)) for size in range(40)]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sizes = [open_checkpoint(each, KEY.verifier).size for each in shown]
    assert sizes == sorted(sizes)


def test_what_could_not_be_shown_is_tried_again(tmp_path):
    def failing(_note):
        raise OSError(28, "No space left on device")

    board = Board(tmp_path, failing)
    for _ in range(2):
        with pytest.raises(OSError):
            board.show(note(1))
