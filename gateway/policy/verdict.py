"""What the policy is asked and what it answers. Counterpart: `gateway.policy.decide`, the only maker of `Allow`."""

from dataclasses import InitVar, dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

from gateway.policy._mint import KEY

CapabilityClass = Literal["always", "ask", "scope", "never"]
DenyKind = Literal["never", "unknown", "ambiguous", "invalid", "scope", "ended"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a session stands: `mode` is exec, privileged, config or shell; `context` the sub-mode with its argument
    as the prompt or the command gave it (for example `config-if`, or `interface Dialer2`), empty at the top."""

    platform: str
    mode: str
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What argument types must know about this subscriber and provider."""

    lan: tuple[IPv4Network | IPv6Network, ...] = ()
    approved_dns: frozenset[str] = frozenset()
    approved_firmware_hosts: frozenset[str] = frozenset()
    provider: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private prefixes that are the provider's own; every other private address counts as the subscriber's home."""
    speedtest_hosts: frozenset[str] = frozenset()
    """Servers that download and upload tests of a CWMP router may use."""
    firmware_files: frozenset[str] = frozenset()
    """Names of approved software for CWMP routers; where each lies, the driver knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What the access grant lets this rep use: the `scope` capabilities the subscriber ticked, and until when."""

    scope: frozenset[str]
    deadline: datetime
    ended: str | None = None
    """Why the grant no longer counts (revoked, killed, …); none while it does."""
    masked: frozenset[str] = frozenset()
    """`scope` capabilities that the provider lets be used without a tick, because what they print is masked."""

    def covers(self, capability: str) -> bool:
        """Whether a capability of class `scope` may be used."""
        return capability in self.scope or capability in self.masked


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """This line may go, as `canonical` and in no other spelling.

    MUST be made by `gateway.policy.decide` only. `canonical` may hold a secret the rep typed (a new Wi-Fi key);
    `shown` and `typed_shown` are the same texts with secrets replaced by `<redacted>`, for record and screen.
    """

    canonical: str = field(repr=False)
    shown: str
    typed_shown: str
    capability: str
    capabilities: tuple[str, ...]
    """Of every part of a compound line; `capability` is the weightiest."""
    rule_id: str
    policy_digest: str
    confirm: bool
    """The rep must confirm first (class `ask`)."""
    enters: Position | None = None
    """Where the session is expected to stand afterwards, if the command changes it."""
    answers: tuple[tuple[str, str], ...] = ()
    """Fixed answers to the sub-prompts of this command: (regular expression, answer)."""
    leaves: bool = False
    """The command ends the router session (exit at the top, quit, logout, reboot)."""
    help: bool = False
    """A help request (trailing `?`): the front end answers it with `complete.help_lines`. `canonical` is empty; it
    MUST NOT be sent."""
    mint: InitVar[object]

    def __post_init__(self, mint: object) -> None:
        if mint is not KEY:
            raise TypeError("Allow is made by gateway.policy.decide only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """This line never leaves. `reason` is one sentence for the rep; it repeats no secret."""

    kind: DenyKind
    capability: str
    rule_id: str
    reason: str
    typed_shown: str
    policy_digest: str
    askable: str | None = None
    """The `scope` capability the subscriber could still grant."""
    hint: str | None = None
    """What is possible instead."""
    help: bool = False
    """The line was a help request; the front end may answer it all the same, from the part before the `?`."""


Verdict: TypeAlias = Allow | Deny
