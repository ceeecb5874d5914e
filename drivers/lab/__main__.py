"""`python -m drivers.lab` runs one simulated router until Ctrl-C and prints how to reach it.

Counterparts: `drivers.lab.openwrt`, `drivers.lab.scripted` for the other platforms, and with the word `cpe` the routers
of `drivers.lab.cpe`, which speak TR-069. Listens on 127.0.0.1 only.
"""

import argparse
import asyncio
import contextlib
import sys

from drivers.lab.cpe import command as cpe_command
from drivers.lab.home import HomeComputer
from drivers.lab.openwrt import OpenWrtRouter
from drivers.lab.script import scripts
from drivers.lab.scripted import ScriptedRouter
from drivers.lab.server import Access


async def serve_script(platform: str, port: int) -> None:
    """Run a router of `platform` until cancelled."""
    async with ScriptedRouter(platform, port=port) as router:
        _tell(f"{platform} router", router.access, router.port, router.host_key)
        await asyncio.Event().wait()


async def serve(port: int, pause: float) -> None:
    """Run until cancelled; report each contact with the home computer."""
    home = HomeComputer()
    async with OpenWrtRouter(home=home, port=port, pause=pause) as router:
        behind = f"  home computer behind it: {home.address} ({home.name}.lan)\n"
        _tell("OpenWrt router", router.access, router.port, router.host_key, behind)
        told = 0
        while True:
            await asyncio.sleep(0.5)
            for contact in home.contacts[told:]:
                sys.stdout.write(f"the home computer was reached: {contact.kind} {contact.port or ''}\n")
            told = len(home.contacts)
            sys.stdout.flush()


def _tell(what: str, access: Access, port: int, host_key: str, more: str = "") -> None:
    sys.stdout.write(
        f"simulated {what} on 127.0.0.1 port {port}\n"
        f"  user {access.user}, password {access.password}\n"
        f"  host key {host_key}\n"
        f"{more}"
        f"  try: ssh -p {port} {access.user}@127.0.0.1\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Parse the command line and serve."""
    if sys.argv[1:2] == ["cpe"]:
        cpe_command.run(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m drivers.lab",
        description="A simulated home router on loopback.",
        epilog="python -m drivers.lab cpe --help: routers that speak TR-069.",
    )
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--platform", choices=["openwrt", *scripts()], default="openwrt", help="what kind of router")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds that slow commands take per step")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        if arguments.platform == "openwrt":
            asyncio.run(serve(arguments.port, arguments.pause))
        else:
            asyncio.run(serve_script(arguments.platform, arguments.port))


if __name__ == "__main__":
    main()
