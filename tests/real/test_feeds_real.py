"""A real rsyslog takes the feed over TLS and writes down every entry, in order, once."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from audit.entry import Kind, NewEntry
from audit.feeds.cursor import MemoryCursor
from audit.feeds.feed import Feed
from audit.feeds.settings import FeedSettings
from audit.feeds.sinks import sink_for
from audit.journal import Journal
from config.clock import SystemClock
from tests.certificates import make_certificates

pytestmark = pytest.mark.system

CONFIGURATION = """
global(workDirectory="{place}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{ca}"
    defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}" maxMessageSize="64k")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
template(name="all" type="string" string="%msgid% %structured-data% %msg%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{out}" template="all")
"""


@pytest.fixture
def rsyslog(tmp_path):
    if shutil.which("rsyslogd") is None or not Path("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists():
        if os.environ.get("VESTIBULE_REQUIRE_REAL"):
            pytest.fail("rsyslog-gnutls is not installed: run scripts/debian-packages")
        pytest.skip("rsyslog-gnutls is not installed")
    certificates = make_certificates(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    out = tmp_path / "out.log"
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(
        CONFIGURATION.format(
            place=tmp_path,
            ca=certificates.authority,
            certificate=certificates.certificate,
            key=certificates.key,
            port=port,
            out=out,
        )
    )
    process = subprocess.Popen(
        ["rsyslogd", "-n", "-f", str(configuration), "-i", str(tmp_path / "pid")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None, process.stdout.read().decode()
            assert time.monotonic() < until
            time.sleep(0.05)
    yield port, out, certificates
    process.terminate()
    process.communicate(timeout=20)


@pytest.mark.parametrize("form", ["syslog", "cef"])
async def test_rsyslog_takes_every_entry(rsyslog, form):
    port, out, certificates = rsyslog
    journal = Journal.in_memory(SystemClock())
    for number in range(50):
        who = {"id": "p-1", "name": 'alice "x" ]\\'}
        await journal.append(NewEntry(kind=Kind.AUTH_OK, facts={"number": number}, sealed={"who": who}))
    settings = FeedSettings(
        name="siem",
        form=form,
        to=f"syslog+tls://localhost:{port}",
        ca_file=certificates.authority,
        cleared=True,
        batch=7,
    )
    feed = Feed(settings, journal.reader(), bytes(32), sink_for(settings, lambda: 0.0), MemoryCursor())
    delivered = feed.deliver_all()
    until = time.monotonic() + 20
    while not out.exists() or len(out.read_text().splitlines()) < delivered:
        assert time.monotonic() < until, out.read_text() if out.exists() else "nothing"
        time.sleep(0.05)
    feed.close()
    journal.close()
    lines = out.read_text().splitlines()
    assert len(lines) == delivered == 51
    found = [int(re.search(r"#(\d+)", line)[1]) for line in lines]
    assert found == list(range(51))
    assert lines[-1].startswith("auth.ok ")
    assert ("CEF:0|" in lines[-1]) == (form == "cef")
    assert "alice" in lines[-1]
