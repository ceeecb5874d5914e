"""`python -m drivers.lab` says how to reach the router and tells when the home was reached."""

import asyncio
import re
import sys

import asyncssh


async def test_it_runs_any_platform():
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "drivers.lab", "--platform", "routeros"), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            assert b"simulated routeros router on 127.0.0.1 port" in await process.stdout.readline()
            assert b"user admin, password" in await process.stdout.readline()
    finally:
        process.terminate()
        await process.wait()


async def test_it_runs_by_itself_until_it_is_ended():
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "drivers.lab", "--pause", "0"), stdout=asyncio.subprocess.PIPE
    )
    try:
        text = ""
        async with asyncio.timeout(30):
            while "try:" not in text:
                text += (await process.stdout.readline()).decode()
            port = int(re.search(r"port (\d+)", text)[1])
            password = re.search(r"password (\S+)", text)[1]
            key = asyncssh.import_public_key(re.search(r"host key (.+)", text)[1])
            async with asyncssh.connect(
                *("127.0.0.1", port),
                username="root",
                password=password,
                known_hosts=([key], [], []),
                config=[],
                client_keys=None,
                agent_path=None,
            ) as client:
                await client.run("nc -z laptop 22")
            assert "the home computer was reached: tcp 22" in (await process.stdout.readline()).decode()
    finally:
        process.terminate()
        await process.wait()
