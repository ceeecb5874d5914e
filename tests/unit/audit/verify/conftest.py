"""What tests of verification share: published logs with witnesses, and both programs on them."""

import contextlib
import io
import json
import os
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.tlog.cosignature import CosigningKey
from audit.tlog.note import parse_note
from audit.tlog.policy import Policy
from audit.verify import vestibule_verify as single
from audit.verify.log import Trust, verify_log

WITNESS = CosigningKey("witness.example/1", bytes(range(1, 33)))
NOW = 1_800_000_000


@dataclass
class Witnessed:
    """A log whose newest checkpoint a witness cosigned, and the policy that asks for it."""

    scene: object

    @property
    def log(self) -> Path:
        return self.scene.directory / "log"

    @property
    def policy_file(self) -> Path:
        return self.scene.keys_dir / "policy.txt"

    def cosign(self, at: int = NOW) -> None:
        note = parse_note((self.log / "checkpoint").read_bytes())
        line = WITNESS.cosign(note.text, at).line()
        (self.log / "checkpoint").write_bytes(note.encode() + line.encode())
        self.policy_file.write_text(self.policy())

    def policy(self) -> str:
        keys = [self.scene.public_key, self.scene.keys_dir / "log.pub.mldsa"]
        logs = "".join(f"log {key.read_text().strip()}\n" for key in keys if key.exists())
        return f"{logs}witness w1 {WITNESS.verifier}\nquorum w1\n"

    def theirs(self, directory=None, **options):
        """What the single file says of a published log."""
        chosen = single.Options(
            policy=options.get("policy") or single.Policy.parse(self.policy_file.read_bytes()),
            policy_name="policy",
            trusted=True,
            since=options.get("since"),
            max_age=None,
            now=float(NOW),
            details=True,
        )
        return single.verify_log(single.Folder(str(directory or self.log)), chosen)

    def ours(self, directory=None, *, keys=False, since=None):
        """What `vestibule verify` says of the whole evidence."""
        trust = Trust(policy=Policy.parse(self.policy_file.read_text()), now=float(NOW))
        return verify_log(
            directory or self.scene.directory,
            self.scene.public_key,
            keys_dir=self.scene.keys_dir if keys else None,
            trust=trust,
            since=since,
        )


def changed_bits(data, randomness, step):
    """`data` with one bit changed: each bit with TAMPER_FULL=1, else one bit of every so many bytes."""
    for at in range(0, len(data), 1 if os.environ.get("TAMPER_FULL") else step):
        bits = range(8) if os.environ.get("TAMPER_FULL") else (randomness.randrange(8),)
        for bit in bits:
            yield at, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@pytest.fixture
def flips():
    randomness = random.Random(11)
    return lambda data, step: changed_bits(data, randomness, step)


@pytest.fixture
def witnessed(scene):
    return Witnessed(scene)


@pytest.fixture
def run_single(tmp_path):
    """The single file's command line in this process: exit status and output."""

    def run(*arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            counter = ["--counter-evidence", str(tmp_path / "counter.json")]
            status = single.main([*map(str, arguments), "--now", str(NOW), *counter])
        return status, out.getvalue()

    return run


@pytest.fixture
def single_json(run_single):
    def run(*arguments):
        status, out = run_single(*arguments, "--json")
        return status, json.loads(out)

    return run
