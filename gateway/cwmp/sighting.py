"""What an Inform shows of a CPE, from its forced parameters. Pure. Counterpart: `gateway.cwmp.reception`."""

from datetime import datetime

from drivers.cwmp.known import KnownCpe, Sighting
from drivers.cwmp.messages import Inform
from drivers.cwmp.paths import ROOTS, TR181


def sighting_of(
    inform: Inform, *, namespace: str, address: str, identity: str, known: KnownCpe, now: datetime
) -> Sighting:
    """What it shows. `known`: as it was before."""
    root = next((root for one in inform.parameters for root in ROOTS if one.name.startswith(root)), "")
    root = root or known.root or TR181
    wanted = {
        f"{root}DeviceInfo.SoftwareVersion": "software",
        f"{root}ManagementServer.ConnectionRequestURL": "cr_url",
        f"{root}ManagementServer.PeriodicInformInterval": "interval",
    }
    found = {wanted[one.name]: one.value.strip() for one in inform.parameters if one.name in wanted}
    interval = found.get("interval", "")
    return Sighting(
        at=now,
        address=address,
        identity=identity,
        root=root,
        namespace=namespace,
        software=found.get("software", "")[:64],
        cr_url=found.get("cr_url", "")[:256],
        inform_seconds=int(interval) if interval.isascii() and interval.isdigit() and len(interval) < 9 else None,
        periodic=any(event.code == "2 PERIODIC" for event in inform.events),
    )
