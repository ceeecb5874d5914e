"""Simulated routers and a home behind them, for the demo, for tests and to try Vestibule without hardware."""

from drivers.lab.home import HomeComputer
from drivers.lab.ios import IosRouter
from drivers.lab.openwrt import OpenWrtRouter
from drivers.lab.script import scripts
from drivers.lab.scripted import ScriptedRouter
from drivers.lab.server import Access, Wire

__all__ = ["Access", "HomeComputer", "IosRouter", "OpenWrtRouter", "ScriptedRouter", "Wire", "scripts"]
