"""What leaves the house: the wheel holds everything that is needed to run, and the image promises what it should."""

import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "drivers", "audit", "config")
NEVER_SHIPPED = {".pyc", ".pyo"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel as hatchling builds it from this tree."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile):
    """Code, and what lies beside it: policy tables, statements, templates, migrations."""
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in NEVER_SHIPPED and "__pycache__" not in path.parts
    }
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert shipped == ours


@pytest.mark.parametrize(
    "name",
    [
        "audit/player/vendor/asciinema-player.min.js",
        "audit/player/vendor/asciinema-player.css",
        "audit/stores/sql/",
        "audit/verify/vestibule_verify.py",
        "gateway/policy/tables/",
        "gateway/review/static/",
        "gateway/state/",
    ],
)
def test_the_wheel_has_what_is_not_imported(wheel: zipfile.ZipFile, name: str):
    """Scripts, styles, SQL and tables are read at run time: nothing but this notices when they are not there."""
    found = [shipped for shipped in wheel.namelist() if shipped.startswith(name)]
    assert any(shipped == name or not shipped.endswith("/__init__.py") for shipped in found), name


def test_the_wheel_has_the_command_the_licence_and_nothing_of_the_tests(wheel: zipfile.ZipFile):
    names = wheel.namelist()
    (entry_points,) = [name for name in names if name.endswith("entry_points.txt")]
    commands = wheel.read(entry_points).decode()
    assert "vestibule = gateway.__main__:main" in commands
    assert "vestibule-verify = audit.verify.vestibule_verify:main" in commands
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


# --- Dockerfile -----------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text()).replace("\\\n", " ")
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)
    ]


def final_stage() -> list[tuple[str, str]]:
    steps = instructions()
    start = max(index for index, (word, _) in enumerate(steps) if word == "FROM")
    return steps[start:]


def test_stages_are_pinned_slim_pythons():
    origins = [rest for word, rest in instructions() if word == "FROM"]
    assert len(origins) >= 2
    for origin in origins:
        assert re.match(r"python:3\.\d+\.\d+-slim-[a-z]+( AS \w+)?\Z", origin), origin


def test_the_image_runs_as_an_ordinary_user_by_number():
    users = [rest for word, rest in final_stage() if word == "USER"]
    assert users
    assert re.match(r"[1-9]\d*:[1-9]\d*\Z", users[-1]), (
        "by number, so that an orchestrator can check that it is not root"
    )


@pytest.mark.parametrize("word", ["ENTRYPOINT", "CMD"])
def test_nothing_needs_a_shell_to_start(word: str):
    (rest,) = [rest for step, rest in final_stage() if step == word]
    assert isinstance(json.loads(rest), list)


def health_check() -> list[str]:
    (rest,) = [rest for step, rest in final_stage() if step == "HEALTHCHECK"]
    command: list[str] = json.loads(rest.partition("CMD ")[2])
    return command


def test_the_health_check_is_our_own_program_without_a_shell():
    assert health_check()[0].startswith("/opt/vestibule/bin/")


@pytest.mark.parametrize(("greeting", "status"), [(b"SSH-2.0-Vestibule\r\n", 0), (b"220 mail\r\n", 1), (None, 1)])
def test_the_health_check_tells_a_gateway_from_none(tmp_path: Path, greeting: bytes | None, status: int):
    with socket.create_server(("127.0.0.1", 0)) as door:
        settings = tmp_path / "vestibule.toml"
        settings.write_text(f'data_dir = "data"\n[ssh]\nport = {door.getsockname()[1]}\n')
        environment = os.environ | {"VESTIBULE_CONFIG": str(settings), "PYTHONPATH": str(ROOT)}
        if greeting is None:
            door.close()
        check = subprocess.Popen([sys.executable, *health_check()[1:]], env=environment, stderr=subprocess.DEVNULL)
        if greeting is not None:
            with door.accept()[0] as client:
                client.sendall(greeting)
                assert check.wait(20) == status
        assert check.wait(20) == status


def test_the_final_stage_runs_nothing_and_installs_nothing():
    text = "\n".join(rest for _, rest in final_stage())
    assert not [step for step, _ in final_stage() if step == "RUN"]
    assert not re.search(r"\b(curl|wget|apt-get|pip)\b", text)


def test_a_read_only_root_is_enough():
    environment = " ".join(rest for step, rest in final_stage() if step == "ENV")
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert ("VOLUME", '["/var/lib/vestibule"]') in final_stage()


def test_only_hashed_wheels_are_installed():
    for _, rest in (step for step in instructions() if step[0] == "RUN"):
        command = json.loads(rest)
        if "install" in command and "pip" in command and "--no-index" not in command:
            assert "--require-hashes" in command
            assert "--only-binary=:all:" in command


def test_what_the_image_copies_is_let_through():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    for step, rest in instructions():
        if step == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert source in allowed or any(Path(source).match(pattern) for pattern in allowed), source
