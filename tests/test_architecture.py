"""The house holds together: names, docstrings, dependencies, generated pages, links, scripts.

What may import what is held by import-linter and ruff (pyproject.toml); this is the rest of what a build can hold.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from config.document import declared, settings_page
from config.logs import ALLOWED
from gateway import exits

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "drivers", "audit", "config")
LOG_KEYS = ALLOWED | {"exc_info"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- names and words ------------------------------------------------------------------------------------------------


def test_no_module_is_named_for_nothing_in_particular():
    nothing = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
    found = [
        short(path)
        for path in sources(*PACKAGES, "tests", "benchmarks")
        if nothing & {part.removeprefix("test_").strip("_") for part in path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert not found


def test_every_module_says_what_it_is_for():
    silent = [
        short(path)
        for path in sources(*PACKAGES, "tests", "benchmarks")
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_packages_have_an_init_and_tests_have_none():
    folders = {
        path.parent for path in sources(*PACKAGES) if "migrations" not in path.parts
    }  # Alembic loads them by file
    assert not [short(folder) for folder in folders if not (folder / "__init__.py").exists()]
    assert not list((ROOT / "tests").rglob("__init__.py")), "pytest imports tests by file (importmode=importlib)"


# --- the operational log --------------------------------------------------------------------------------------------

LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}


def test_log_lines_carry_allowed_keys_and_a_fixed_event():
    """A key that is not allowed would be dropped when it is written (`config.logs`): say it with one that is."""
    wrong = []
    for path in sources(*PACKAGES):
        for call in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LOGGING):
                continue
            speaker = ast.unparse(call.func.value)
            if not re.fullmatch(r"_?(log|logger)|structlog\.get_logger\(.*\)", speaker, re.IGNORECASE):
                continue
            wrong += [f"{short(path)}:{call.lineno} {word.arg}" for word in call.keywords if word.arg not in LOG_KEYS]
            if not (call.args and isinstance(call.args[0], ast.Constant)):
                wrong.append(f"{short(path)}:{call.lineno} an event that is not a fixed word")
    assert not wrong


# --- dependencies ---------------------------------------------------------------------------------------------------


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named_in(path: Path) -> set[str]:
    return {
        normal(re.match(r"[A-Za-z0-9._-]+", line).group())  # type: ignore[union-attr]
        for line in path.read_text().splitlines()
        if line and not line.startswith(("#", " "))
    }


def test_the_package_and_the_lock_name_the_same_dependencies():
    declared_names = {
        normal(re.match(r"[A-Za-z0-9._-]+", text).group())  # type: ignore[union-attr]
        for text in PYPROJECT["project"]["dependencies"]
    }
    assert declared_names == named_in(ROOT / "requirements/runtime.in")
    assert declared_names <= named_in(ROOT / "requirements/runtime.txt")


def test_the_dev_lock_holds_the_others_with_the_same_versions():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"(?m)^(\S+==[^\s;]+)", (ROOT / f"requirements/{name}.txt").read_text()))

    assert pins("runtime") | pins("build") <= pins("dev")


@pytest.mark.parametrize("name", ["runtime", "build", "dev"])
def test_a_lock_pins_and_hashes_everything_and_names_no_index(name: str):
    text = (ROOT / f"requirements/{name}.txt").read_text()
    assert not re.search(r"https?://|^\s*--(?!hash=sha256:)", text, re.MULTILINE)
    entries = re.split(
        r"(?m)^(?=\S)", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    )
    for entry in filter(str.strip, entries):
        assert re.match(r"\S+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_what_the_packages_import_is_what_they_declare():
    owners = packages_distributions()
    allowed = {normal(name) for name in named_in(ROOT / "requirements/runtime.in")}
    # Part of what a declared dependency promises: pydantic's own types, FastAPI's toolkit.
    allowed |= {"annotated-types", "pydantic-core", "starlette", "typing-extensions", "click"}
    undeclared = {
        f"{short(path)} imports {name}"
        for path in sources(*PACKAGES)
        for name in imported(path)
        if (top := name.partition(".")[0]) not in (*PACKAGES, *sys.stdlib_module_names)
        and not {normal(owner) for owner in owners.get(top, [top])} & allowed
    }
    assert not undeclared


# --- what is written from the code ------------------------------------------------------------------------------------


def test_the_settings_page_is_up_to_date():
    assert (ROOT / "docs/reference/settings.md").read_text() == settings_page(), "run scripts/generate"


def test_the_page_of_exit_codes_lists_every_one():
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    for name, code in vars(exits).items():
        if name.isupper() and isinstance(code, int):
            assert f"| {code} | {name.lower().replace('_', ' ')} |" in page


def test_every_setting_has_a_sentence():
    assert not [setting.key for setting in declared() if not setting.description]


# --- pages ------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ +(.+?)\s*$", re.sub(r"(?ms)^```.*?^```", "", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", pages(), ids=short)
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", page.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{short(page)} links to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{short(page)} links to {target}"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=short)
def test_every_page_is_reached_from_the_index(page: Path):
    if page == ROOT / "docs/index.md":
        return
    own = page.parent / "index.md"
    index = own if own.exists() and page != own else ROOT / "docs/index.md"
    assert f"({page.relative_to(index.parent)})" in index.read_text(), f"{short(index)} does not list it"


@pytest.mark.parametrize("note", sorted((ROOT / "docs/design").glob("*.md")), ids=short)
def test_a_design_note_lists_its_entries_and_failures(note: Path):
    assert re.match(r"\d{4}-[a-z0-9-]+\.md\Z", note.name)
    assert {"audit-entries", "failure-modes"} <= anchors(note)


def test_the_changelog_has_a_place_for_the_next_change_and_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    assert f"## [{PYPROJECT['project']['version']}]" in text or PYPROJECT["project"]["version"] == "0.1.0"


# --- scripts ----------------------------------------------------------------------------------------------------------

SCRIPTS = sorted([*(ROOT / "scripts").iterdir(), ROOT / ".ci/run"])


@pytest.mark.parametrize("script", SCRIPTS, ids=short)
def test_a_script_can_be_run_and_says_what_it_does(script: Path):
    assert os.access(script, os.X_OK)
    first, second = script.read_text().splitlines()[:2]
    assert first.startswith("#!")
    if "bash" in first:
        assert second.startswith("# ")
        assert "set -euo pipefail" in script.read_text()
        subprocess.run(["bash", "-n", script], check=True)


def test_every_make_target_is_a_script():
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(r"(?m)^\t@scripts/(\S+)", makefile):
        assert ROOT / "scripts" / name in SCRIPTS
    assert {"install", "demo", "test", "check", "bench"} <= set(re.findall(r"(?m)^([a-z]+):", makefile))
