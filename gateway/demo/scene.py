"""The stage of the demo: what all its steps share."""

import re
from dataclasses import dataclass

from config.settings import Settings
from drivers.lab.home import HomeComputer
from drivers.lab.openwrt import OpenWrtRouter
from gateway import assembly
from gateway.demo.players import DemoFailed, Ssh, Subscriber, Teller


@dataclass(slots=True)
class Scene:
    """Everybody and everything on stage."""

    teller: Teller
    house: assembly.House
    router: OpenWrtRouter
    home: HomeComputer
    ssh: Ssh
    subscriber: Subscriber
    settings: Settings

    async def link(self) -> str:
        """The link in the newest message to the subscriber."""
        newest = max(self.settings.outbox_dir.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        found = re.search(r"https?://[^\s\"\\]+/l/[A-Za-z0-9_-]+", newest.read_text())
        if found is None:
            raise DemoFailed("The message to the subscriber holds no link.")
        return found[0]
