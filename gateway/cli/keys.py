"""SSH public keys, passwords and private keys as people hand them to the command: by file, prompt or standard input.

Secrets never stand on a command line, where every user of the machine can read them.
"""

import binascii
import hashlib
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final

import typer

from config.errors import ConfigError
from gateway.errors import BadRequest

_KINDS: Final = ("ssh-", "ecdsa-", "sk-")
_MOST: Final = 64 * 1024


def public_key(given: str) -> str:
    """An OpenSSH public key line: given as such, or the file that holds it. Raises `BadRequest`."""
    text = given if given.startswith(_KINDS) and " " in given else _text(Path(given)).strip()
    line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    if _digest(line) is None:
        raise BadRequest("That is no OpenSSH public key; it looks like `ssh-ed25519 AAAA… name`, or is a file with it.")
    return " ".join(line.split())


def hex_fingerprint(given: str) -> str:
    """SHA-256 of a key in hexadecimal, as the gateway knows it.

    From a key line, its file, `SHA256:…` as ssh prints it, or the hexadecimal form itself. Raises `BadRequest`.
    """
    if len(given) == 64 and all(digit in "0123456789abcdef" for digit in given.lower()):
        return given.lower()
    if given.startswith("SHA256:"):
        try:
            digest = b64decode(given.removeprefix("SHA256:") + "=", validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest("That is no fingerprint; ssh prints it as SHA256: and 43 characters.") from error
        return digest.hex()
    found = _digest(public_key(given))
    assert found is not None
    return found.hex()


def shown_fingerprint(line_or_hex: str) -> str:
    """`SHA256:…`, as ssh prints it, of a key line or of a fingerprint in hexadecimal."""
    digest = bytes.fromhex(line_or_hex) if " " not in line_or_hex else _digest(line_or_hex)
    return "SHA256:" + b64encode(digest or b"").decode().rstrip("=")


def secret(what: str, file: Path | None) -> str | None:
    """A secret from `file` (`-`: standard input), without its line end; none if no file was named."""
    if file is None:
        return None
    text = sys.stdin.read(_MOST) if str(file) == "-" else _text(file)
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise BadRequest(f"The {what} is empty.")
    return text


def asked_secret(what: str) -> str:
    """A secret that a person types, unseen. Raises `BadRequest` where nobody can."""
    if not sys.stdin.isatty():
        raise BadRequest(f"There is nobody to ask for the {what}; name a file (- for standard input).")
    typed: str = typer.prompt(what.capitalize(), hide_input=True, err=True)
    return typed


def private_key(file: Path | None) -> str | None:
    """An OpenSSH private key from its file; none if no file was named. Raises `BadRequest`."""
    if file is None:
        return None
    text = _text(file)
    if "PRIVATE KEY-----" not in text:
        raise BadRequest(f"{file}: holds no private key.")
    return text


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MOST)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not text.") from error


def _digest(line: str) -> bytes | None:
    parts = line.split()
    if len(parts) < 2 or not parts[0].startswith(_KINDS):
        return None
    try:
        blob = b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    kind = parts[0].encode()
    return hashlib.sha256(blob).digest() if blob.startswith(len(kind).to_bytes(4, "big") + kind) else None
