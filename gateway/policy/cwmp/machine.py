"""What the provider's own ACS may do through the gateway, with no rep: RPC by RPC, and what of the answers it gets.

Pure. A refusal is answered with CPE fault 9001 and is no strike against anybody. Counterparts: `machine.yaml` beside
this file, `gateway.cwmp.mediator`, which asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from pydantic import Field, ValidationError, model_validator

from config.records import record
from drivers.cwmp.codec.rpc_writing import method_of
from drivers.cwmp.messages import (
    AddObject,
    Answer,
    Attributes,
    DeleteObject,
    Download,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterValues,
    Inform,
    Names,
    OtherRpc,
    ParameterValue,
    Request,
    ScheduleDownload,
    SetParameterAttributes,
    SetParameterValues,
    Upload,
    Values,
)
from drivers.cwmp.paths import ROOTS, BadPath, canonical, generic, readable
from gateway.policy import hosts
from gateway.policy.cwmp.glob import Glob, glob
from gateway.policy.errors import PolicyError
from gateway.policy.schema import Strict, told
from gateway.policy.verdict import Site

Reading = Literal["allow", "mask", "deny"]
Writing = Literal["allow", "deny"]
_Use = Literal["read", "watch", "write", "make"]
"""What a path is named for: to be read; to have an attribute set; to be written; to add or delete an object."""
Id = str
_ROOTS: Final = tuple(root.lower() for root in ROOTS)
_REMEMBERED: Final = 65_536
_NAMES_REMEMBERED: Final = 8192


class _RpcSpec(Strict):
    id: str = Field(pattern=r"^[a-z0-9-]+$")
    rpc: tuple[str, ...] = Field(min_length=1)
    file_types: tuple[str, ...] = ()
    hosts: Literal["approved"] | tuple[str, ...] | None = None
    action: Writing
    why: str = Field(pattern=r"^[^\n]+\.$", max_length=256)


class _ReadSpec(Strict):
    id: str = Field(pattern=r"^[a-z0-9-]+$")
    action: Reading
    why: str = Field(pattern=r"^[^\n]+\.$", max_length=256)
    paths: tuple[str, ...] = Field(min_length=1)


class _WriteSpec(_ReadSpec):
    action: Writing


class _Defaults(Strict):
    read: Reading
    write: Writing


class ProfileSpec(Strict):
    """The whole file."""

    title: str = ""
    defaults: _Defaults
    rpcs: tuple[_RpcSpec, ...] = Field(min_length=1)
    reads: tuple[_ReadSpec, ...] = ()
    writes: tuple[_WriteSpec, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> "ProfileSpec":
        names = [*(row.id for row in self.rpcs), *(row.id for row in (*self.reads, *self.writes))]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two rows have the id {twice}")
        for row in (*self.reads, *self.writes):
            for path in row.paths:
                glob(path)
        return self


@dataclass(frozen=True, slots=True)
class MachineAllow:
    """The RPC may go on, re-serialised from what was parsed."""

    rule_id: Id


@dataclass(frozen=True, slots=True)
class MachineDeny:
    """The RPC goes no further: the ACS gets CPE fault 9001 with `reason`, which holds nothing personal."""

    rule_id: Id
    reason: str
    unseen: bool = False
    """It asks which names there are below an object that it is not told of. There are none, for all it knows: an ACS
    that saw them before takes them out of its list, and a fault would stop all that it does in the same task."""


MachineVerdict: TypeAlias = MachineAllow | MachineDeny


@dataclass(frozen=True, slots=True)
class _Rule:
    id: Id
    action: Reading
    why: str


class _Paths:
    """Rules about paths; the first that matches decides."""

    def __init__(self, specs: Iterable[_ReadSpec], default: Reading) -> None:
        self._rules: list[tuple[Glob, _Rule]] = [
            (one, _Rule(f"machine.{spec.id}", spec.action, spec.why))
            for spec in specs
            for path in spec.paths
            for one in glob(path)
        ]
        self._default = _Rule("machine.default", default, "This is not in the list of what provisioning may do.")
        self._found = lru_cache(maxsize=_REMEMBERED)(self._find)
        self._worst = lru_cache(maxsize=8192)(self._below)

    def of(self, path: str) -> _Rule:
        return self._found(generic(path).lower())

    def whole(self, path: str) -> _Rule:
        """The rule of all that is below an object, where one rule is about all of it."""
        return self._worst(generic(path).lower(), every=False)

    def strictest(self, path: str) -> _Rule:
        """The strictest rule about anything below an object."""
        return self._worst(generic(path).lower(), every=True)

    def _find(self, key: str) -> _Rule:
        return next((rule for one, rule in self._rules if one.matches(key)), self._default)

    def _below(self, key: str, *, every: bool) -> _Rule:
        prefix = tuple(part for part in key.split(".") if part)
        worst: _Rule | None = None
        for one, rule in self._rules:
            cover = one.covers(prefix)
            if cover == "some" and one.anchored and every and rule.action == "deny":
                worst = worst or rule
            if cover == "all":
                return worst or rule
        return worst or self._default


class Profile:
    """A machine profile, compiled. Total: every request and every name is judged."""

    def __init__(self, spec: ProfileSpec) -> None:
        self.spec = spec
        self._reads = _Paths(spec.reads, spec.defaults.read)
        self._writes = _Paths(spec.writes, spec.defaults.write)
        self._rows = lru_cache(maxsize=64)(self._rows_of)
        # An ACS asks all its devices the same, so what is slow about a name is found out once.
        self._reading = lru_cache(maxsize=_NAMES_REMEMBERED)(self._reading_of)
        self._against = lru_cache(maxsize=_NAMES_REMEMBERED)(self._why_not)

    def judge(self, request: Request | OtherRpc, site: Site) -> MachineVerdict:
        """Whether an RPC of the ACS may go on to the CPE."""
        rpc = self._rpc(request, site)
        if isinstance(rpc, MachineDeny):
            return rpc
        match request:
            case GetParameterValues(names=names) | GetParameterAttributes(names=names):
                return self._all(rpc, names, "read")
            case GetParameterNames(path=path):
                return self._names(rpc, path)
            case SetParameterValues(values=values):
                twice = len({value.name.lower() for value in values}) < len(values)
                if twice:
                    return MachineDeny("machine.twice", "A parameter is named twice in one call.")
                return self._all(rpc, [value.name for value in values], "write")
            case SetParameterAttributes(attributes=attributes):
                return self._all(rpc, [one.name for one in attributes], "watch")
            case AddObject(path=path) | DeleteObject(path=path):
                return self._all(rpc, (path,), "make")
        return rpc

    def reading(self, name: str) -> Reading:
        """What of a parameter or object of the CPE may be told to the ACS."""
        return self._reading(name)

    def _reading_of(self, name: str) -> Reading:
        if not readable(name) or not name.lower().startswith(_ROOTS):
            return "deny"
        return (self._reads.whole(name) if name.endswith(".") else self._reads.of(name)).action

    def _rpc(self, request: Request | OtherRpc, site: Site) -> MachineVerdict:
        for row, verdict in self._rows(method_of(request)):
            if _fits(row, request, site):
                return verdict
        return MachineDeny("machine.default", "This call is not in the list of what provisioning may do.")

    def _rows_of(self, method: str) -> tuple[tuple[_RpcSpec, MachineVerdict], ...]:
        """The rows about an RPC, and what they say of it."""
        return tuple(
            (row, MachineAllow(name) if row.action == "allow" else MachineDeny(name, row.why))
            for row in self.spec.rpcs
            if method in row.rpc or "*" in row.rpc
            for name in [f"machine.{row.id}"]
        )

    def _all(self, rpc: MachineAllow, names: Iterable[str], use: _Use) -> MachineVerdict:
        return next((refusal for name in names if (refusal := self._against(name, use)) is not None), rpc)

    def _why_not(self, name: str, use: _Use) -> MachineDeny | None:
        """What speaks against naming a path for a use; None: nothing."""
        if use != "read" and "*" in name:  # what comes back is filtered by its own names; what is changed is named
            return MachineDeny("machine.path", "What is changed is named one by one, without a *.")
        try:
            path = canonical(name, wild=True, empty=True).text
        except BadPath:
            return MachineDeny("machine.path", "A parameter's path is not in its one spelling.")
        match use:
            case "read" | "watch":
                rule = self._read(path)
            case "write":
                rule = self._write(path)
            case "make":
                rule = self._object(path)
        return None if rule is None else MachineDeny(rule.id, rule.why)

    def _names(self, rpc: MachineAllow, path: str) -> MachineVerdict:
        verdict = self._all(rpc, (path,), "read")
        if isinstance(verdict, MachineDeny) and verdict.rule_id != "machine.path" and path.endswith("."):
            return replace(verdict, unseen=True)
        return verdict

    def _read(self, path: str) -> _Rule | None:
        if not path or path.endswith("."):
            rule = self._reads.whole(path)  # what of it is not for the ACS is taken out of the answer
        else:
            rule = self._reads.of(path)
        # A masked parameter may be asked for by name, like a hidden one of the CPE: ACSs ask for many in one call.
        return rule if rule.action == "deny" and path else None

    def _write(self, path: str) -> _Rule | None:
        if not path or path.endswith("."):
            return _Rule("machine.path", "deny", "A value is written to a parameter, not to an object.")
        rule = self._writes.of(path)
        return rule if rule.action != "allow" else None

    def _object(self, path: str) -> _Rule | None:
        if not path.endswith("."):
            return _Rule("machine.path", "deny", "The path of an object ends in a dot.")
        rule = self._writes.strictest(path)
        return rule if rule.action != "allow" else None


def _fits(row: _RpcSpec, request: Request | OtherRpc, site: Site) -> bool:
    """Whether what a row says of transfers is so."""
    if not row.file_types and row.hosts is None:
        return True
    if not isinstance(request, Download | ScheduleDownload | Upload):
        return False
    if row.file_types and request.file_type not in row.file_types:
        return False
    if row.hosts is None:
        return True
    approved = site.approved_firmware_hosts if row.hosts == "approved" else frozenset(row.hosts)
    url = hosts.firmware_url(request.url)
    back = [request.success_url, request.failure_url] if isinstance(request, Download) else []
    return url is not None and hosts.url_host(url) in approved and not any(back)


# --- answers ----------------------------------------------------------------------------------------------------------


@record
class Filtered:
    """An answer as the ACS may have it, and how many names were left out and values emptied."""

    answer: Answer
    hidden: int = 0
    masked: int = 0


def filter_answer(profile: Profile, answer: Answer) -> Filtered:
    """What of a CPE's answer is for the ACS. Asked for every answer: a CPE may send more than was asked for."""
    match answer:
        case Values(values=values):
            kept, hidden, masked = _filtered(profile, values)
            return Filtered(Values(kept), hidden, masked)
        case Names(infos=infos):
            told = tuple(info for info in infos if profile.reading(info.name) != "deny")
            return Filtered(Names(told), len(infos) - len(told))
        case Attributes(attributes=attributes):
            shown = tuple(one for one in attributes if profile.reading(one.name) != "deny")
            return Filtered(Attributes(shown), len(attributes) - len(shown))
    return Filtered(answer)


def filter_inform(profile: Profile, inform: Inform) -> tuple[Inform, int, int]:
    """An Inform as the ACS may have it; parameters left out and values emptied."""
    kept, hidden, masked = _filtered(profile, inform.parameters)
    return (replace(inform, parameters=kept) if hidden or masked else inform), hidden, masked


def _filtered(profile: Profile, values: tuple[ParameterValue, ...]) -> tuple[tuple[ParameterValue, ...], int, int]:
    kept: list[ParameterValue] = []
    masked = 0
    for value in values:
        reading = profile.reading(value.name)
        if reading == "mask" and value.value:
            masked += 1
            value = replace(value, value="")  # noqa: PLW2901
        if reading != "deny":
            kept.append(value)
    return tuple(kept), len(values) - len(kept), masked


def judge_machine(profile: Profile, request: Request | OtherRpc, site: Site) -> MachineVerdict:
    """Whether an RPC of the provider's ACS may go on to the CPE."""
    return profile.judge(request, site)


def read_profile(file: str, document: object) -> Profile:
    """The profile in `document` (what YAML parsing gave). Raises `PolicyError` naming `file` and the row."""
    try:
        return Profile(ProfileSpec.model_validate(document))
    except ValidationError as error:
        raise PolicyError(f"{file}: {told(error)}.") from error
