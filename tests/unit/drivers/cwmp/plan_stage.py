"""Runs plans against a CPE in memory, without bytes, links or time: what was said, and what was asked of whom."""

from dataclasses import dataclass, field

from drivers.cwmp.device import DeviceId
from drivers.cwmp.fakes import FakeCpe
from drivers.cwmp.gate import OpenGate, ParameterGate
from drivers.cwmp.leftovers import Leftover
from drivers.cwmp.line import parse_canonical
from drivers.cwmp.link import Contact
from drivers.cwmp.messages import Event, Inform, ParameterValue, TransferComplete
from drivers.cwmp.paths import TR181
from drivers.cwmp.plans.choose import plan_of
from drivers.cwmp.plans.ground import FirmwareFile, Ground, Times
from drivers.cwmp.plans.steps import Await, Call, Ended, Expect, Forget, Hear, LetGo, Remember, Say, Stopped
from drivers.cwmp.quirks import STRICT, Quirks
from drivers.cwmp.tree import NameTree
from drivers.cwmp.undo import UndoList
from drivers.cwmp.words import words

SESSION = "01J00000000000000000000000"
FIRMWARE = {"box7-4.3": FirmwareFile(name="box7-4.3", url="https://fw.isp.example/b7", size=9, sha256="ab" * 32)}
DEVICE = DeviceId(oui="00D09E", product_class="Fake", serial="0001")


@dataclass
class PlanStage:
    """One session's plans over one CPE."""

    cpe: FakeCpe
    root: str = TR181
    quirks: Quirks = STRICT
    gate: ParameterGate = field(default_factory=OpenGate)
    stop_at: str = ""
    """Name of the RPC or step at which the rep presses Ctrl-C."""
    comes: bool = True
    """Whether the CPE calls with the event that is waited for."""
    told: TransferComplete | None = None
    """How its transfers end, if it tells."""
    booted: bool = False
    """Whether it restarts before it tells that."""
    events: tuple[Event, ...] = (Event("6 CONNECTION REQUEST"),)
    informed: tuple[ParameterValue, ...] = ()
    """Parameters of its Inform."""
    tree: NameTree = field(default_factory=NameTree)
    undo: UndoList = field(default_factory=UndoList)
    steps: list[object] = field(default_factory=list)
    left: list[Leftover] = field(default_factory=list)
    number: int = 1
    fine: bool | None = None

    def run(self, line: str) -> str:
        """All text of one recorded line; whether it worked is in `fine`, None if it was stopped."""
        command = parse_canonical(line)
        self.number += 1
        ground = Ground(
            contact=Contact(
                router_id="r1",
                device=DEVICE,
                root=self.root,
                namespace="urn:dslforum-org:cwmp-1-2",
                identity="tls-password",
                quirks=self.quirks,
                inform=Inform(manufacturer="", device=DEVICE, events=self.events, parameters=self.informed),
            ),
            gate=self.gate,
            words=words(),
            firmware=FIRMWARE,
            tree=self.tree,
            undo=self.undo,
            session=SESSION,
            number=self.number,
            caps=frozenset(command.caps),
            times=Times(first_look=5, look_again=5, transfer=5),
        )
        plan, said, stopped = plan_of(ground, command), [], False
        self.fine = None
        try:
            step = next(plan)
            while True:
                self.steps.append(step)
                if self.stop_at and not stopped and self.stop_at == name_of(step):
                    stopped, step = True, plan.throw(Stopped())
                    continue
                step = plan.send(self._perform(step, said))
        except StopIteration as end:
            self.fine = end.value
        except Stopped:
            said.append("^C\n")
        return "".join(said)

    def _perform(self, step, said):
        match step:
            case Call(request, _):
                return self.cpe.answer(request)
            case Say(text):
                assert text.endswith("\n"), text
                said.append(text)
            case Await(events, _):
                return any(event.code in events for event in self.cpe.let_go()) and self.comes
            case Hear():
                return None if self.told is None else Ended(self.told, self.booted)
            case Remember(leftover):
                self.left.append(leftover)
            case Forget(leftover):
                self.left.remove(leftover)
            case LetGo() | Expect():
                pass
        return None

    @property
    def asked(self) -> list[str]:
        """Names of the RPCs, in order."""
        return [type(request).__name__ for request in self.cpe.asked]


def name_of(step: object) -> str:
    return type(step.request).__name__ if isinstance(step, Call) else type(step).__name__
