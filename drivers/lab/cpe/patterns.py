"""Patterns of parameter paths, as tables of parameters are written: which paths they mean, and a path for one.

`{i}` is one instance, `*` something within one part of the path, `.**` the object and all below it, `**` in front any
object. StorageService and VoiceService stand below `Device.Services.` too. A reading of its own: what the gateway makes
of the same patterns is not used.
"""

import re
from functools import lru_cache
from typing import Final

_SERVICES: Final = ("StorageService.", "VoiceService.")
_STARS: Final = {"STUN*": "STUNUsername", "ConnReq*": "ConnReqJabberID", "UDPEcho*": "UDPEchoConfig"}


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern means a parameter. Letters may be of any case."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    front = r"(?:(?:Device|InternetGatewayDevice)\.Services\.)?" if pattern.startswith(_SERVICES) else ""
    known = {"{i}": r"\d+", ".**": r"(?:\..*)?", "**": r".*", "*": r"[^.]*"}
    parts = [known.get(piece, re.escape(piece)) for piece in re.split(r"(\{i\}|\.\*\*$|\*\*|\*)", pattern)]
    return re.compile(front + "".join(parts), re.IGNORECASE)


def leaf_for(pattern: str, root: str = "Device.") -> str:
    """The path of a parameter that a pattern means, for a model that has none."""
    if pattern.startswith(_SERVICES):
        pattern = f"{root}Services.{pattern}"
    if pattern == "**.X_*.**":
        return f"{root}X_00D09E_Thing.Enable"
    if pattern.startswith("**"):
        pattern = f"{root}LabObject.{pattern[2:].lstrip('.')}"
    path = pattern.replace("{i}", "1")
    for stars, name in _STARS.items():
        path = path.replace(stars, name)
    if path.endswith(".**"):
        path = path[:-2] + "Enable"
    return path.replace("*NumberOfEntries", "LabNumberOfEntries").replace("*", "Enable")
