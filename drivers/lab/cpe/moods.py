"""What a simulated CPE does otherwise than TR-069 says, each switchable by name. Counterpart: docs/howto/tr069-lab.md.

Every mood stands for something that CPEs in the field do. They combine: a CPE has a set of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mood:
    """`quirk` is its number in the list of quirks (CWMP ground, section 10); 0: a habit that is on no list."""

    quirk: int
    what: str


MOODS: Final[dict[str, Mood]] = {
    "no-cookies": Mood(1, "never returns a cookie"),
    "cookie-path": Mood(2, "drops every cookie whose Path is not /"),
    "cookie-commas": Mood(3, "separates its cookies by commas and quotes their values"),
    "old-cookie": Mood(4, "sends the cookie of its last session with a new Inform"),
    "odd-namespace": Mood(5, "uses the namespace cwmp-1-3 and prefixes of its own"),
    "single-quotes": Mood(6, "quotes attributes with ', breaks values and ids over lines"),
    "control-characters": Mood(7, "has bytes in its texts, but for URLs, that XML 1.0 does not allow"),
    "charset-utf16": Mood(8, "sends UTF-16"),
    "charset-latin1": Mood(8, "sends ISO 8859-1 and says so in the XML declaration only"),
    "charset-unknown": Mood(8, "names a charset that nobody knows"),
    "missing-fields": Mood(9, "leaves out RetryCount, CommandKey, Status, Writable, FaultStruct and times"),
    "no-xsi-type": Mood(10, "gives no types"),
    "booleans-1-0": Mood(11, "writes booleans as 1 and 0 and takes nothing else"),
    "booleans-true": Mood(11, "writes booleans as True and False"),
    "no-milliseconds": Mood(12, "refuses a dateTime with a fraction of a second"),
    "empty-path-fault": Mood(13, "refuses the names of the empty path"),
    "empty-path-nothing": Mood(13, "knows no names below the empty path"),
    "no-trailing-dots": Mood(14, "names objects without a dot at the end, and leaves some out"),
    "wrong-writable": Mood(15, "says of everything that it is read-only"),
    "small-memory": Mood(16, "refuses more than 32 names at once, and dies of the names of its whole tree"),
    "fault-9005-listed": Mood(17, "lists a parameter that it does not know when asked"),
    "close-after-401": Mood(18, "closes after a 401, and opens a new connection after one"),
    "digest-no-qop": Mood(19, "challenges without qop"),
    "qop-twice": Mood(19, "challenges with qop twice"),
    "content-length-in-characters": Mood(20, "counts characters, not bytes, in Content-Length"),
    "wrong-counts": Mood(21, "counts its arrays wrong and writes mustUnderstand wrong"),
    "expect-100": Mood(22, "waits for 100 Continue"),
    "chunked": Mood(22, "sends chunked bodies"),
    "http10": Mood(22, "speaks HTTP/1.0, a connection for each request"),
    "no-transfer-complete": Mood(23, "never tells that a transfer is over"),
    "no-bootstrap": Mood(24, "reports no BOOTSTRAP after a factory reset"),
    "cdata": Mood(25, "wraps its texts in CDATA"),
    "transfer-complete-early": Mood(26, "sends requests of its own when it has been asked something"),
    "plain-only": Mood(27, "speaks no TLS"),
    "gzip": Mood(0, "compresses its bodies"),
    "auth-once": Mood(0, "sends Authorization with its Inform only"),
    "basic-knock": Mood(0, "challenges a Connection Request with Basic"),
    "deaf-in-session": Mood(0, "does not answer Connection Requests in a session"),
    "any-case": Mood(0, "finds parameters whatever the case of their letters"),
    "wildcards": Mood(0, "understands * for an instance"),
    "says-more": Mood(0, "answers with the whole object when asked for one parameter"),
}


def check_moods(names: Iterable[str]) -> frozenset[str]:
    """The same as a set. Raises `ValueError` with the moods there are."""
    moods = frozenset(names)
    unknown = sorted(moods - MOODS.keys())
    if unknown:
        raise ValueError(f"There is no mood '{unknown[0]}' of a CPE; there are {', '.join(MOODS)}.")
    return moods
