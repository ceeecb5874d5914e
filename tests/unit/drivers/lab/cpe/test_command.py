"""`python -m drivers.lab cpe` runs CPEs and writes down what reaches them."""

import asyncio
import json
import sys

import pytest

from drivers.lab.cpe.command import run
from tests.unit.drivers.lab.cpe.tiny_acs import rpc


async def test_it_runs_several_and_records(acs, tmp_path):
    acs.todo = [rpc("GetRPCMethods")]
    (tmp_path / "password").write_text("secret\n")
    words = ["--acs", acs.url, "--serial", "A08", "--count", "3", "--user", "cpe-{serial}", "--boot-seconds", "0.01",
             "--password-file", str(tmp_path / "password"), "--mood", "gzip", "cdata", "--record",
             str(tmp_path / "record")]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "drivers.lab", "cpe", *words, stdout=asyncio.subprocess.PIPE
    )
    try:
        said = ""
        async with asyncio.timeout(30):
            while said.count("informed: 0 BOOTSTRAP, 1 BOOT") < 3 or "was asked GetRPCMethods" not in said:
                said += (await process.stdout.readline()).decode()
    finally:
        process.terminate()
        await process.wait()
    assert "CPE 00D09E-Lab-A08, Connection Requests at http://127.0.0.1:" in said
    assert "A09 informed" in said
    assert "A10 informed" in said
    lines = [json.loads(line) for line in (tmp_path / "record").read_text().splitlines()]
    assert {line["cpe"] for line in lines} == {"A08", "A09", "A10"}
    assert any(line.get("method") == "GetRPCMethods" for line in lines)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--acs", "http://x/", "--mood", "sulky"], "There is no mood 'sulky'"),
        ([], "Say where the ACS is"),
        (["--acs", "http://x/", "--set", "a"], "Write --set PATH=VALUE."),
    ],
)
def test_what_it_does_not_take(capsys, words, sentence):
    with pytest.raises(SystemExit):
        run(words)
    assert sentence in capsys.readouterr().err


def test_it_lists_its_moods(capsys):
    run(["--list-moods"])
    assert "no-cookies" in capsys.readouterr().out
