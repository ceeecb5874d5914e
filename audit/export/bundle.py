"""Puts an evidence bundle together: a zip file of which every byte follows from the log, the request and the moment.

Two steps, because the log has to know of an export before it leaves: `prepare` makes everything up to the manifest,
whose digest goes into the `export.made` entry; `Draft.finish` adds what the log answered. Format:
docs/reference/bundle.md. Counterpart: `audit.verify.vestibule_verify`, which needs nothing but the file.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import audit.verify
from audit.encoding import decode, encode
from audit.entry import Json, Kind
from audit.erased import Erased
from audit.errors import KeyUnavailable, SealBroken
from audit.export.custody import Custody, Registered
from audit.export.disclosure import GivenRecording, LeftOut, Opener, disclosed_json
from audit.export.pages import Page, PlainLine, player_page, readme_page
from audit.export.playback import Playback, playback
from audit.export.proofs import Fetch, Prover
from audit.export.request import BadExport, ExportRequest
from audit.export.selection import Selection, erasures_in, select
from audit.export.story import Opened, Story, story
from audit.leaf import format_time
from audit.reader import EvidenceReader, StoredEntry
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import parse_note

_FIXED: Final = (1980, 1, 1, 0, 0, 0)
"""Times of files in the zip: the earliest that the format knows."""

VERIFIER: Final = "vestibule-verify.py"
_VERIFIER_SOURCE: Final = Path(audit.verify.__file__).parent / "vestibule_verify.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the evidence comes from. `checkpoint`: the signed note that the proofs lead to; `policy`: C2SP text."""

    reader: EvidenceReader
    checkpoint: bytes
    policy: str
    fetch: Fetch | None = None
    stamps: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """RFC 3161 stamps of checkpoints, by their names in the bundle (`tsa/…`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """The circumstances of one export."""

    now: datetime
    custody: Custody
    controller: str
    """Who answers for the data, as people know them."""
    signer: str | None
    """Verifier key of `<origin>/export`; none if nobody can sign."""
    plain: Mapping[str, Sequence[PlainLine]] = field(default_factory=dict)
    """The log in plain words, by language, for a subscriber's copy."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A bundle that the log does not know of yet."""

    files: Mapping[str, bytes] = field(repr=False)
    manifest: bytes = field(repr=False)
    custody: Mapping[str, Json] = field(repr=False)
    made: str
    sessions: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of manifest.json, hex: what the log is told."""
        return hashlib.sha256(self.manifest).hexdigest()

    def finish(self, registered: Registered | None) -> bytes:
        """The zip file; `registered` is none if no gateway put the export on record."""
        files = {**self.files, "manifest.json": self.manifest}
        index = None if registered is None else registered.index
        files["custody.json"] = encode({**self.custody, "entry": index, "manifest": self.digest, "made": self.made})
        if registered is not None:
            files["manifest.note"] = registered.note
            files[f"entries/{index}.json"] = registered.head
            files[f"proofs/{index}.tlog-proof"] = registered.proof
        return zipped(files)


def prepare(source: Source, request: ExportRequest, making: Making) -> Draft:
    """Everything but what the log answers. Raises `BadExport`, `LogDamaged`."""
    return _Assembly(source, request, making).draft()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file of these, stored, by name, at fixed times: the same files give the same bytes everywhere."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _FIXED)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, files[name])
    return target.getvalue()


class _Assembly:
    """One bundle in the making."""

    def __init__(self, source: Source, request: ExportRequest, making: Making) -> None:
        self._source, self._request, self._making = source, request, making
        reader = source.reader
        self._checkpoint = _checkpoint(source)
        self._selection: Selection = select(reader, request, self._checkpoint.size)
        erasures = {entry.index: entry for entry in erasures_in(reader, self._checkpoint.size)}
        self._erasures = erasures
        self._opener = Opener(reader, Erased.of(erasures.values()), request.disclosure)
        self._contents: dict[tuple[int, str], Mapping[str, Json]] = {}
        self._files: dict[str, bytes] = {}

    def draft(self) -> Draft:
        self._add_parts()
        recordings = self._add_recordings()
        self._add_entries()
        self._files["checkpoint"] = self._source.checkpoint
        self._files.update(self._source.stamps)
        self._files["policy.txt"] = self._source.policy.encode()
        self._files[VERIFIER] = _VERIFIER_SOURCE.read_bytes()
        stories, players = self._stories(recordings)
        self._add_pages(stories, players)
        manifest = encode(self._manifest(stories))
        return Draft(
            self._files,
            manifest,
            self._making.custody.as_json(),
            format_time(self._making.now),
            tuple(one.session for one in self._selection.sessions),
        )

    # --- evidence ----------------------------------------------------------------------------------------------------

    def _add_parts(self) -> None:
        for entry in self._selection.entries():
            for name, part in self._opener.parts(entry):
                self._files[f"disclosed/{entry.index}.{name}.json"] = disclosed_json(part)
                content = decode(part.content)
                if isinstance(content, dict):
                    self._contents[entry.index, name] = content

    def _add_recordings(self) -> dict[str, GivenRecording]:
        found = {}
        for chosen in self._selection.sessions:
            recording = self._opener.recording(chosen.session, chosen.entries)
            if recording is None:
                continue
            found[chosen.session] = recording
            self._files[f"recording/{chosen.session}.json"] = recording.places()
            if recording.cast is not None:
                self._files[f"recording/{chosen.session}.cast"] = recording.cast
        return found

    def _add_entries(self) -> None:
        """Heads and proofs, those of the erasures that explain what is gone included."""
        entries = [*self._selection.entries(), *(self._erasures[index] for index in sorted(self._opener.used))]
        prover = Prover(
            self._source.reader, self._checkpoint, [entry.index for entry in entries], fetch=self._source.fetch
        )
        for entry in entries:
            self._files[f"entries/{entry.index}.json"] = entry.head_bytes
            self._files[f"proofs/{entry.index}.tlog-proof"] = prover.proof(entry.index, self._source.checkpoint)

    # --- what people read --------------------------------------------------------------------------------------------

    def _stories(self, recordings: Mapping[str, GivenRecording]) -> tuple[list[Story], dict[str, Playback]]:
        opened: Opened = self._contents
        players = {session: played for session, one in recordings.items() if (played := playback(one)) is not None}
        told = [
            story(one, opened, players.get(one.session), self._alias(one.consent_ref))
            for one in self._selection.sessions
        ]
        return told, players

    def _alias(self, consent: str | None) -> str | None:
        """What the subscriber calls the rep. Not a name; a copy for a subscriber or court shows it, heads do not."""
        if self._request.profile == "auditor" or consent is None:
            return None
        for entry in dict(self._selection.consents).get(consent, ()):
            if entry.kind is Kind.CONSENT_ASKED:
                return self._alias_in(entry)
        return None

    def _alias_in(self, entry: StoredEntry) -> str | None:
        try:
            alias = self._source.reader.sealed(entry.index, "who").get("alias")
        except (KeyUnavailable, SealBroken):
            return None  # erased or not to be opened here: then the rep is "the rep"
        return alias if isinstance(alias, str) and alias else None

    def _add_pages(self, stories: Sequence[Story], players: Mapping[str, Playback]) -> None:
        page = Page(
            request=self._request,
            origin=self._checkpoint.origin,
            size=self._checkpoint.size,
            made=self._making.now,
            custody=self._making.custody,
            controller=self._making.controller,
            stories=tuple(stories),
            consents=len(self._selection.consents),
            left_out=tuple(self._left_out()),
            plain=self._making.plain,
            plays=bool(players),
        )
        self._files["README.html"] = readme_page(page)
        if players:
            self._files["player.html"] = player_page(page, players)

    def _left_out(self) -> list[LeftOut]:
        closed = [
            LeftOut(what="chunk", why="undisclosed")
            if name == "rec"
            else LeftOut(what="part", why="undisclosed", comp=name)
            for name in sorted(self._opener.undisclosed)
        ]
        return [*closed, *self._selection.left_out, *self._opener.left_out]

    def _manifest(self, stories: Sequence[Story]) -> dict[str, Json]:
        sessions: list[Json] = []
        for one in stories:
            session: dict[str, Json | None] = {
                "session": one.session,
                "consent": one.consent_ref,
                "entries": one.entries,
                "complete": one.complete,
                "rep": one.rep,
            }
            sessions.append({name: value for name, value in session.items() if value is not None})
        manifest: dict[str, Json | None] = {
            "v": 1,
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in self._files.items()},
            "origin": self._checkpoint.origin,
            "made": format_time(self._making.now),
            "for": self._request.profile,
            "sessions": sessions,
            "consents": [consent for consent, _ in self._selection.consents],
            "disclosed": [*self._request.disclosure.words()],
            "left_out": [one.as_json() for one in self._left_out()],
            "custody": self._making.custody.as_json(),
            "signer": self._making.signer,
        }
        return {name: value for name, value in manifest.items() if value is not None}


def _checkpoint(source: Source) -> Checkpoint:
    checkpoint = Checkpoint.parse(parse_note(source.checkpoint).text)
    if checkpoint.origin != source.reader.origin:
        raise BadExport("The checkpoint belongs to another log than the evidence.")
    return checkpoint
