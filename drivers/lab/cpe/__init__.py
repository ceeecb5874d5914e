"""A simulated CPE: a home router that speaks TR-069. For the demo, for tests, and to try Vestibule without hardware."""

from drivers.lab.cpe.config import FAST, CpeConfig, Pace
from drivers.lab.cpe.cpe import Arrived, SimulatedCpe
from drivers.lab.cpe.moods import MOODS, check_moods

__all__ = ["FAST", "MOODS", "Arrived", "CpeConfig", "Pace", "SimulatedCpe", "check_moods"]
