"""`python -m drivers.lab` runs one simulated router until Ctrl-C and prints how to reach it.

Counterpart: `drivers.lab.openwrt`. Listens on 127.0.0.1 only.
"""

import argparse
import asyncio
import contextlib
import sys

from drivers.lab.home import HomeComputer
from drivers.lab.openwrt import OpenWrtRouter


async def serve(port: int, pause: float) -> None:
    """Run until cancelled; report each contact with the home computer."""
    home = HomeComputer()
    async with OpenWrtRouter(home=home, port=port, pause=pause) as router:
        access = router.access
        sys.stdout.write(
            f"simulated OpenWrt router on 127.0.0.1 port {router.port}\n"
            f"  user {access.user}, password {access.password}\n"
            f"  host key {router.host_key}\n"
            f"  home computer behind it: {home.address} ({home.name}.lan)\n"
            f"  try: ssh -p {router.port} {access.user}@127.0.0.1\n"
        )
        sys.stdout.flush()
        told = 0
        while True:
            await asyncio.sleep(0.5)
            for contact in home.contacts[told:]:
                sys.stdout.write(f"the home computer was reached: {contact.kind} {contact.port or ''}\n")
            told = len(home.contacts)
            sys.stdout.flush()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m drivers.lab", description="A simulated home router on loopback.")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds that slow commands take per step")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.pause))


if __name__ == "__main__":
    main()
