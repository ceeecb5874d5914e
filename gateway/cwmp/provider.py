"""What the provider's own ACS may have sent to a CPE, is told of it, and what of that is kept. Pure.

No person asks here and no consent is claimed; it is the provisioning that runs every night. Counterparts:
`gateway.policy.cwmp.machine` judges, `gateway.cwmp.relay` asks before anything is recorded or sent.
"""

from collections.abc import Callable
from typing import Final

from audit.entry import Json
from drivers.cwmp.faults import LONGEST_TEXT
from drivers.cwmp.gate import MASK
from drivers.cwmp.known import KnownCpe
from drivers.cwmp.messages import (
    Answer,
    Attributes,
    Done,
    Fault,
    GetParameterValues,
    Inform,
    Methods,
    Names,
    OtherRpc,
    Request,
    SetParameterValues,
    Values,
)
from gateway.cwmp.upkeep import names_in
from gateway.policy.cwmp.machine import Filtered, MachineVerdict, Profile, filter_answer, filter_inform, judge_machine
from gateway.policy.verdict import Site

MOST_NAMES: Final = 256
"""Names of one RPC or answer that are kept; the count is exact."""
LONGEST_VALUE: Final = 1024
"""Characters of a written value that are kept."""


class Provider:
    """The profile in force, asked anew for every RPC: it may be replaced while sessions run."""

    def __init__(self, profile: Callable[[], Profile], site: Site) -> None:
        self._profile = profile
        self._site = site

    def judge(self, request: Request | OtherRpc) -> MachineVerdict:
        """Whether an RPC may go on to the CPE."""
        return judge_machine(self._profile(), request, self._site)

    def told(self, answer: Answer) -> Filtered:
        """An answer as the ACS may have it."""
        return filter_answer(self._profile(), answer)

    def announced(self, inform: Inform) -> Inform:
        """An Inform as the ACS may have it."""
        return filter_inform(self._profile(), inform)[0]

    def kept(self, request: Request | OtherRpc) -> dict[str, Json]:
        """For the record: the names, and what is written unless the ACS itself could not read it."""
        if isinstance(request, OtherRpc):
            return {}
        if not isinstance(request, SetParameterValues):
            return {"names": names_in(request)[:MOST_NAMES]}
        profile = self._profile()
        return {
            "values": {
                one.name[:LONGEST_TEXT]: one.value[:LONGEST_VALUE] if profile.reading(one.name) == "allow" else MASK
                for one in request.values[:MOST_NAMES]
            }
        }


def answer_entry(request: Request, answer: Answer, filtered: Filtered) -> tuple[dict[str, Json], dict[str, Json]]:
    """What is recorded of an answer: facts, and what is sealed.

    An answer with the very names that were asked for says so and seals nothing: they stand in the entry before.
    """
    facts = _answer_facts(answer, filtered)
    match request, filtered.answer:
        case GetParameterValues(names=asked), Values(values=many):
            same = len(many) == len(asked) and all(one.name == name for one, name in zip(many, asked, strict=True))
        case _:
            same = False
    if same:
        return {**facts, "as_asked": True}, {}
    return facts, _answer_names(filtered.answer)


def _answer_facts(answer: Answer, filtered: Filtered) -> dict[str, Json]:
    """Codes and counts: nothing personal."""
    facts: dict[str, Json] = {}
    match answer:
        case Fault(code=code):
            facts["fault"] = code
        case Values(values=many) | Attributes(attributes=many):
            facts["values"] = len(many)
        case Names(infos=infos):
            facts["names"] = len(infos)
        case Methods(names=names):
            facts["names"] = len(names)
        case Done(status=status):
            facts["status"] = status
        case transfers:
            facts["transfers"] = len(transfers.transfers)
    if filtered.hidden or filtered.masked:
        facts["hidden"] = filtered.hidden + filtered.masked
    return facts


def _answer_names(answer: Answer) -> dict[str, Json]:
    """What an answer is about, sealed. Its values are not kept: the ACS has them, and a second copy of everybody's
    settings would be of no use to anybody but a thief."""
    match answer:
        case Values(values=many):
            return _names([one.name for one in many])
        case Attributes(attributes=attributes):
            return _names([one.name for one in attributes])
        case Fault(parameters=parameters) if parameters:
            return _names([one.name for one in parameters])
        case Done(instance=int() as instance):
            return {"instance": instance}
        case _:
            return {}


def _names(names: list[str]) -> dict[str, Json]:
    kept: list[Json] = [name[:LONGEST_TEXT] for name in names[:MOST_NAMES]]
    return {"names": kept}


def wake_credentials(request: Request, known: KnownCpe) -> tuple[str, str] | None:
    """User and password for Connection Requests, if the ACS sets them here; what it leaves out stays as it was.

    The gateway wakes the CPE with the same, so that the ACS can go on doing so. TR-069, 3.2.2.
    """
    if not isinstance(request, SetParameterValues):
        return None
    said = {one.name.lower().partition(".")[2]: one.value for one in request.values}
    user = said.get("managementserver.connectionrequestusername")
    password = said.get("managementserver.connectionrequestpassword")
    if user is None and password is None:
        return None
    return (known.cr_user if user is None else user, known.cr_password if password is None else password)
