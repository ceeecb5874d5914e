"""Which instances a word means: `set wifi 5ghz channel 36` writes to the radio that sends in that band. Pure."""

from collections.abc import Generator

from drivers.cwmp import line
from drivers.cwmp.paths import INSTANCE
from drivers.cwmp.plans.ground import Ground
from drivers.cwmp.plans.reading import Tally, instances, read_values
from drivers.cwmp.plans.steps import CannotGoOn, Reply, Step
from drivers.cwmp.words import Band, Pick, Setting, band_of


def picked(ground: Ground, setting: Setting, command: line.SetWord, tally: Tally) -> Generator[Step, Reply, list[str]]:
    """The objects that the line means, at least one. Raises `CannotGoOn` with what there is to choose from."""
    assert setting.pick is not None
    objects = yield from instances(ground, setting.pick.each, tally)
    # The word may be `password`: what follows that would be masked as one, so it stands last.
    what = f"set {setting.topic} {setting.word}"
    if not objects:
        raise CannotGoOn(f"The router has nothing that could be meant by: {what}")
    if command.instance is not None:
        return [_by_number(objects, command.instance)]
    bands = yield from _bands(ground, setting.pick, objects, tally)
    if setting.pick.first:
        objects = _first_of_each(objects, bands)
    band = setting.band_meant(command.value)
    if band is not None and not (len(objects) == 1 and bands[objects[0]] is None):
        of_band = [path for path in objects if bands[path] == band]
        if not of_band:
            raise CannotGoOn(f"Nothing here is known to send in {band} GHz. There are: {_told(objects, bands)}.")
        objects = of_band
    if len(objects) > 1 and (setting.one or band is not None):
        which = "the number or the band" if any(bands.values()) else "the number"
        begins = f"set {setting.topic.partition('-')[0]} {_number(objects[0])} {setting.word}"
        raise CannotGoOn(f"Several could be meant: {_told(objects, bands)}. Write {which}, so: {begins}")
    return objects


def _bands(
    ground: Ground, pick: Pick, objects: list[str], tally: Tally
) -> Generator[Step, Reply, dict[str, Band | None]]:
    """The band of each object, where the CPE tells it."""
    at = dict(zip(objects, objects, strict=True))
    found: dict[str, Band | None] = dict.fromkeys(objects)
    for n, pattern in enumerate(pick.band):
        leaf = pattern.rpartition(".")[2]
        names = {path: f"{at[path]}{leaf}" for path in objects if at[path]}
        values = yield from read_values(ground, names.values(), tally)
        for path, name in names.items():
            value = values.get(name.lower())
            text = "" if value is None else value.value.strip()
            if n == len(pick.band) - 1:
                found[path] = band_of(text)
            at[path] = _object_in(text.partition(",")[0].strip(), pick.band[n + 1 : n + 2])
    return found


def _object_in(reference: str, following: tuple[str, ...]) -> str:
    """The object that a value points to, if it is one of the kind in which the next value is read."""
    path = f"{reference.rstrip('.')}."
    if not following:
        return ""
    expected = following[0].rpartition(".")[0].split(".")
    given = path.rstrip(".").split(".")
    fits = len(given) == len(expected) and all(
        part.isdigit() if want == INSTANCE else part.lower() == want.lower()
        for part, want in zip(given, expected, strict=True)
    )
    return path if fits else ""


def _first_of_each(objects: list[str], bands: dict[str, Band | None]) -> list[str]:
    """The main one of each band; those whose band nobody knows stay."""
    seen: set[Band] = set()
    found = []
    for path in objects:
        band = bands[path]
        if band is None or band not in seen:
            found.append(path)
        if band is not None:
            seen.add(band)
    return found


def _by_number(objects: list[str], number: int) -> str:
    found = [path for path in objects if _number(path) == str(number)]
    if len(found) != 1:
        there = ", ".join(_number(path) for path in objects)
        raise CannotGoOn(f"There is no number {number}; there are: {there}.")
    return found[0]


def _number(path: str) -> str:
    return path.rstrip(".").rpartition(".")[2]


def _told(objects: list[str], bands: dict[str, Band | None]) -> str:
    return ", ".join(f"{_number(path)}{f' ({bands[path]} GHz)' if bands[path] else ''}" for path in objects)
