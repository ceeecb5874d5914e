"""Every row of the parameter table through a live session, read and write: what may be seen is seen, what may not be
never leaves the CPE's side of the gateway, and nothing that may not be written reaches the CPE.

What is expected is derived here from the table's own columns, not from the gateway's reading of it.
"""

from pathlib import Path

import pytest
import yaml

from audit.entry import Kind
from drivers.lab.cpe.patterns import leaf_for, matches
from gateway.policy.capabilities import CAPABILITIES
from tests.cwmp_rows import HIDDEN
from tests.cwmp_stage import Place, stage

TABLE = yaml.safe_load(Path("gateway/policy/cwmp/params.yaml").read_text(encoding="utf-8"))
ROWS = TABLE["rows"]
SCOPES = [name for name, one in CAPABILITIES.items() if one.kind == "scope"]
SEED = "SEED-"

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def cases(root: str) -> list[tuple[dict, str]]:
    """A parameter for each pattern of each row in one data model, and the first row that means it."""
    found = {}
    for row in ROWS:
        for pattern in row["paths"]:
            if pattern.startswith(("Device.", "InternetGatewayDevice.")) and not pattern.startswith(root):
                continue
            path = leaf_for(pattern, root)
            first = next(row for row in ROWS if any(matches(one, path) for one in row["paths"]))
            found[path] = first
    return [(row, path) for path, row in found.items()]


def sealed_texts(place: Place) -> list[str]:
    """What is on record of commands and RPCs, opened."""
    return [
        str(place.house.journal.reader().sealed(entry.index, part))
        for entry in place.entries(Kind.RPC_INTENT, Kind.RPC_RESULT, Kind.CMD_INTENT, Kind.CMD_RESULT)
        for part in ("act", "out")
        if part in entry.head.commitments
    ]


def test_each_row_has_a_case():
    reached = {row["id"] for root in ("Device.", "InternetGatewayDevice.") for row, _ in cases(root)}
    assert {row["id"] for row in ROWS} - reached == set()


@pytest.mark.parametrize(("model", "root"), [("tr181", "Device."), ("tr098", "InternetGatewayDevice.")])
@pytest.mark.parametrize("scoped", [False, True], ids=["no-scope", "all-scopes"])
async def test_rows(tmp_path, model, root, scoped):
    extra = {path: f"rw string {SEED}{number}x" for number, (_, path) in enumerate(cases(root))}
    async with stage(tmp_path, model=model, extra=extra) as place:
        seeds = {path: place.cpe.values[path] for _, path in cases(root)}
        assert sum(seed.startswith(SEED) for seed in seeds.values()) > 0.6 * len(seeds)
        await place.grant(SCOPES if scoped else ())
        wrong, written = [], 0
        async with place.rep() as rep:
            for row, path in cases(root):
                shown = await rep.run(f"get {path}", answer="n")
                seen = seeds[path] in shown and seeds[path].startswith(SEED)
                if row["read"] in {"redact", "deny"} and seen:
                    wrong.append((row["id"], path, "its value was shown"))
                if row["read"] == "deny" and "<hidden>" in shown:
                    wrong.append((row["id"], path, "its name was shown"))
                if row["read"] == "allow" and seeds[path].startswith(SEED) and not seen:
                    wrong.append((row["id"], path, shown[-300:]))
            for row, path in cases(root):
                before = len(place.rpcs())
                await rep.run(f"set {path} {SEED}new", answer="y")
                reached = "SetParameterValues" in place.rpcs()[before:]
                written += reached
                if reached and row["write"] == "deny":
                    wrong.append((row["id"], path, "it was written"))
                if reached and seeds[path] == place.cpe.values[path]:
                    wrong.append((row["id"], path, "the CPE was told, and has the old value"))
        assert not wrong
        assert written >= (15 if scoped else 1), "a table that allows nothing would pass, too"
        sealed = sealed_texts(place)
        hidden = [seeds[path] for row, path in cases(root) if row["read"] in {"redact", "deny"}]
        assert not [seed for seed in hidden if seed.startswith(SEED) and any(f"{seed}'" in text for text in sealed)]


@pytest.mark.parametrize(("model", "root"), [("tr181", "Device."), ("tr098", "InternetGatewayDevice.")])
async def test_what_is_hidden_or_secured(tmp_path: Path, model: str, root: str) -> None:
    """With every tick that there is, by its name and with all that is around it."""
    paths = [path.replace("{i}", "1") for path in HIDDEN if path.startswith(root)]
    seeds = {path: f"{SEED}{number}x" for number, path in enumerate(paths)}
    extra = {path: f"rw string {seed}" for path, seed in seeds.items()}
    async with stage(tmp_path, model=model, extra=extra) as place:
        seeds = {path: seed for path, seed in seeds.items() if place.cpe.values[path] == seed}
        assert len(seeds) > 0.7 * len(paths)
        await place.grant(SCOPES)
        shown = ""
        async with place.rep() as rep:
            for path in paths:
                shown += await rep.run(f"get {path}", answer="n")
            for whole in dict.fromkeys(path.rpartition(".")[0] + "." for path in paths):
                shown += await rep.run(f"get {whole}", answer="n")
        assert root in shown
        told = shown + "".join(sealed_texts(place))
        assert not [path for path, seed in seeds.items() if seed in told]
