"""Public keys, passwords and private keys as they are handed in."""

import subprocess

import pytest

from config.errors import VestibuleError
from gateway.cli import keys
from gateway.errors import BadRequest

SHA256 = "SHA256:vyLjL21n4xljpDPCHG7o25Im8tEfoSTUtjOoYI7EjNU"


def test_a_key_line_or_its_file(key_line, tmp_path):
    file = tmp_path / "alice.pub"
    file.write_text(f"# of alice\n\n  {key_line}  \n")
    assert keys.public_key(key_line) == key_line
    assert keys.public_key(str(file)) == key_line


@pytest.mark.parametrize(
    "text", ["", "hello", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIO/n", "\x00\xff"]
)
def test_what_is_no_key(text, tmp_path):
    file = tmp_path / "x"
    file.write_text(text)
    with pytest.raises(BadRequest):
        keys.public_key(str(file))


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read(tmp_path, name):
    with pytest.raises(VestibuleError, match="cannot be read"):
        keys.public_key(str(tmp_path / name))


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(VestibuleError, match="not text"):
        keys.public_key(str(tmp_path / "x"))


def test_fingerprints_of_all_kinds_are_the_same(key_line):
    found = keys.hex_fingerprint(key_line)
    assert keys.shown_fingerprint(key_line) == keys.shown_fingerprint(found) == SHA256
    assert keys.hex_fingerprint(SHA256) == keys.hex_fingerprint(found.upper()) == found


def test_a_fingerprint_reads_as_ssh_keygen_prints_it(key_line, tmp_path, require_program):
    file = tmp_path / "k.pub"
    file.write_text(key_line)
    told = subprocess.run([require_program("ssh-keygen"), "-lf", file], capture_output=True, text=True, check=True)
    assert keys.shown_fingerprint(key_line) in told.stdout


def test_what_is_no_fingerprint():
    with pytest.raises(BadRequest):
        keys.hex_fingerprint("SHA256:????")


@pytest.mark.parametrize(
    ("content", "expected"),
    [("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), (" a b ", " a b "), ("two\nlines\n", "two\nlines")],
)
def test_a_secret_keeps_everything_but_its_line_end(tmp_path, content, expected):
    file = tmp_path / "p"
    file.write_bytes(content.encode())
    assert keys.secret("password", file) in {expected, expected.replace("\r", "")}


def test_an_empty_secret_is_a_mistake(tmp_path):
    (tmp_path / "p").write_text("\n")
    with pytest.raises(BadRequest, match="empty"):
        keys.secret("password", tmp_path / "p")


def test_a_private_key_looks_like_one(tmp_path):
    (tmp_path / "k").write_text("nothing")
    with pytest.raises(BadRequest, match="no private key"):
        keys.private_key(tmp_path / "k")
    assert keys.private_key(None) is None
