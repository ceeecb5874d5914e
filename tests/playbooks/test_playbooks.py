"""Plays every scenario in this folder. `python -m tests.playbooks.test_playbooks FILE...` writes the effects anew."""

import sys
from pathlib import Path

import pytest

from tests.playbooks.stage import HERE, Stage, perform, read_scenario

SCENARIOS = sorted(HERE.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    casting, steps = read_scenario(path)
    assert steps, "the scenario is empty"
    stage = Stage(casting)
    for step in steps:
        perform(stage, step.text)
        assert stage.take() == step.expected, f"{path.name}:{step.number}: {step.text}"


def test_there_are_enough() -> None:
    assert len(SCENARIOS) >= 30


def rewrite(path: Path) -> None:
    """Put what comes now into the file, to be read before it is believed."""
    casting, _ = read_scenario(path)
    stage, lines = Stage(casting), []
    for line in path.read_text().splitlines():
        if line.startswith("effect: "):
            continue
        lines.append(line)
        if line.strip() and not line.startswith(("#", "with:")):
            perform(stage, line)
            lines += [f"effect: {text}" for text in stage.take()]
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name))
