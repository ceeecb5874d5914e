"""Which signed checkpoint an export is proved under: one that witnesses countersigned, if it reaches far enough."""

from collections.abc import Iterable
from pathlib import Path

from audit.errors import BadEntry
from audit.export.proofs import Fetch
from audit.export.request import BadExport, ExportRequest
from audit.files import CHECKPOINT_FILE, WITNESSED_FILE
from audit.reader import EvidenceReader
from audit.tlog.policy import Policy

LOG_FOLDER = "log"
"""Below the directory of the evidence: the published log of the embedded default."""

STAMPS_FOLDER = "tsa"
"""Beside the database: RFC 3161 stamps of checkpoints."""

"""Beside the database: the newest checkpoint that a quorum of witnesses cosigned (`audit.publish.board`)."""


def published(reader: EvidenceReader, directory: Path | None) -> list[bytes]:
    """Every checkpoint of this log that lies about: published, beside the database, in the database."""
    names = (f"{LOG_FOLDER}/{CHECKPOINT_FILE}", WITNESSED_FILE, CHECKPOINT_FILE)
    places = [] if directory is None else [directory / name for name in names]
    found = [path.read_bytes() for path in places if path.is_file()]
    stored = reader.checkpoint()
    return found if stored is None else [*found, stored]


def reach(reader: EvidenceReader, request: ExportRequest) -> int:
    """How many entries a checkpoint has to cover so that nothing of the request comes after it."""
    ends = [chain[-1].index for session in request.sessions if (chain := reader.session(session))]
    for consent in request.consents:
        for entry in reader.consent(consent):
            ends.append(entry.index)
            session = entry.facts.get("session")
            chain = reader.session(session) if isinstance(session, str) else []
            ends += [chain[-1].index] if chain else []
    return max(ends, default=-1) + 1


def choose(notes: Iterable[bytes], origin: str, policy: Policy, least: int) -> bytes:
    """Among signed checkpoints of `origin`: one whose witnesses satisfy `policy` and that covers `least` entries, else
    the largest. Raises `BadExport` if there is none, or none that the policy's log key signed."""
    known: list[tuple[bool, int, int, bytes]] = []
    for note in notes:
        try:
            judged = policy.judge(note)
        except BadEntry:
            continue
        size = judged.checkpoint.size
        if judged.checkpoint.origin == origin:
            known.append((judged.quorum and size >= least, size, len(judged.cosigned), note))
    if not known:
        raise BadExport("There is no signed checkpoint of this log yet; try again in a second.")
    return max(known)[-1]


def is_enough(note: bytes, policy: Policy, least: int) -> bool:
    """Whether this checkpoint covers `least` entries and has the cosignatures that `policy` wants.

    Raises `BadEntry` for one that `choose` would not give.
    """
    judged = policy.judge(note)
    return judged.quorum and judged.checkpoint.size >= least


def stamps_beside(directory: Path | None, least: int) -> dict[str, bytes]:
    """The RFC 3161 stamp that is worth most for `least` entries, by its place in a bundle: the earliest of a checkpoint
    that covers them, else the newest there is. Both files, or nothing (`audit.publish.timestamping`)."""
    folder = None if directory is None else directory / STAMPS_FOLDER
    if folder is None or not folder.is_dir():
        return {}
    sizes = sorted(int(path.stem) for path in folder.glob("*.tsr") if path.stem.isdecimal())
    size = next((size for size in sizes if size >= least), sizes[-1] if sizes else None)
    files = [folder / f"{size}.checkpoint", folder / f"{size}.tsr"]
    return {f"tsa/{path.name}": path.read_bytes() for path in files} if all(path.is_file() for path in files) else {}


def tiles_beside(directory: Path | None) -> Fetch | None:
    """Tiles of the published log of the embedded default, if there is one."""
    if directory is None or not (directory / LOG_FOLDER).is_dir():
        return None
    root = directory / LOG_FOLDER

    def fetch(path: str) -> bytes | None:
        try:
            return (root / path).read_bytes()
        except OSError:
            return None

    return fetch
