"""Time stamps: a real authority (OpenSSL) behind a small HTTP server stamps, and OpenSSL verifies what was kept."""

import http.server
import subprocess
import threading

import pytest

from audit.publish.timestamping import MAX_ANSWER, Timestamper, stamp
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.note import SigningKey, sign_note

NOTE = sign_note(Checkpoint("logs.isp/1", 42, bytes(32)).text(), SigningKey("logs.isp/1", bytes(32))).encode()

CONFIGURATION = """
[tsa]
default_tsa = authority
[authority]
dir = {folder}
serial = $dir/serial
signer_cert = $dir/tsa.crt
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[extensions]
extendedKeyUsage = critical,timeStamping
"""


def openssl(folder, *words, data=None):
    done = subprocess.run(["openssl", *words], cwd=folder, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory, require_program):
    """Answers one request in bytes."""
    require_program("openssl")
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("01\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")
    openssl(folder, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Example CA")
    openssl(folder, "req", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Example TSA")
    issued = ("-extfile", "tsa.cnf", "-extensions", "extensions", "-out", "tsa.crt")
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", *issued)

    def answer(request):
        (folder / "request.tsq").write_bytes(request)
        openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request.tsq", "-out", "answer.tsr")
        return (folder / "answer.tsr").read_bytes()

    answer.folder = folder
    return answer


@pytest.fixture
def served():
    """Serves a function from request to answer; gives the URL."""
    servers = []

    def serve(answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.headers["Content-Type"] == "application/timestamp-query"
                data = answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments):
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/tsa"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_stamp_that_openssl_verifies(authority, served, tmp_path):
    path = stamp(NOTE, served(authority), tmp_path / "tsa")
    assert path == tmp_path / "tsa" / "42.tsr"
    assert (tmp_path / "tsa" / "42.checkpoint").read_bytes() == NOTE
    trusted = ("-CAfile", str(authority.folder / "ca.crt"), "-untrusted", str(authority.folder / "tsa.crt"))
    openssl(tmp_path / "tsa", "ts", "-verify", "-data", "42.checkpoint", "-in", "42.tsr", *trusted)
    (tmp_path / "tsa" / "42.checkpoint").write_bytes(NOTE + b"\n")
    with pytest.raises(AssertionError):
        openssl(tmp_path / "tsa", "ts", "-verify", "-data", "42.checkpoint", "-in", "42.tsr", *trusted)


def test_a_stamp_for_something_else_is_not_kept(authority, served, tmp_path):
    other = tmp_path / "other"
    openssl(tmp_path, "rand", "-out", str(other), "8")
    query = openssl(tmp_path, "ts", "-query", "-data", str(other), "-sha256", "-cert")
    with pytest.raises(ValueError, match="something else"):
        stamp(NOTE, served(lambda _request: authority(query)), tmp_path / "tsa")
    for answer in (b"", b"no stamp", b"x" * (MAX_ANSWER + 1)):
        with pytest.raises(ValueError, match=r"ASN|long"):
            stamp(NOTE, served(lambda _request, answer=answer: answer), tmp_path / "tsa")
    assert not (tmp_path / "tsa").exists()


def test_every_hour_and_a_failure_stops_nothing(authority, served, tmp_path):
    asked, stamped = [], threading.Event()

    def answer(request):
        asked.append(request)
        if len(asked) == 1:
            return b"not now"
        stamped.set()
        return authority(request)

    timestamper = Timestamper(served(answer), tmp_path, interval=0.01)
    for _ in range(500):
        timestamper.submit(NOTE)
        if stamped.wait(0.02):
            break
    timestamper.stop()
    timestamper.stop()
    timestamper._thread.join(10)
    assert (tmp_path / "tsa" / "42.tsr").exists()


def test_it_does_not_wait_for_the_hour_to_end(tmp_path):
    timestamper = Timestamper("http://127.0.0.1:9/", tmp_path)
    timestamper.submit(NOTE)
    timestamper.stop()
    timestamper._thread.join(10)
    assert not timestamper._thread.is_alive()
