"""HTTP and Digest against implementations that are not the gateway's: curl, requests, httpx and lighttpd."""

import asyncio
import contextlib
import hashlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import requests
import requests.auth

from drivers.cwmp.quirks import Quirks
from drivers.cwmp.wire.connection_request import check_url, wake
from drivers.cwmp.wire.digest import Challenger, Verified, answer, read_challenges
from drivers.cwmp.wire.http import CONTINUE, HttpRequest, RequestParser, encode_response
from drivers.errors import BadHttp, RouterUnreachable
from tests.real.ground import Ground, free_port

pytestmark = pytest.mark.system

USER, PASSWORD = "00D09E-DSL%2D1-ABC", "pass word;%"
BODY = b"<soap:Envelope>" + bytes(range(32, 127)) * 40 + b"</soap:Envelope>"


class Acs:
    """A server that challenges, then echoes what was posted; remembers what it verified."""

    def __init__(self, challenger: Challenger, *, closes: bool = False, basic: bool = False) -> None:
        self.challenger = challenger
        self.closes = closes
        self.basic = basic
        self.took: list[HttpRequest] = []
        self.schemes: list[str] = []
        self.refused: list[BadHttp] = []
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = RequestParser()
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                try:
                    found = parser.feed(data)
                except BadHttp as error:
                    self.refused.append(error)
                    writer.write(encode_response(error.status, keep_alive=False))
                    break
                if parser.wants_continue():
                    writer.write(CONTINUE)
                if any(not self.answer(request, writer) for request in found):
                    break
                await writer.drain()

    def answer(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        peer, now = "127.0.0.1", time.monotonic()
        said = request.header("authorization")
        lookup = {USER: PASSWORD}.get
        verdict = said and self.challenger.verify(
            said, request.method, request.target, lookup, now, peer, basic=self.basic
        )
        keep = request.keep_alive and not (self.closes and not said)
        if isinstance(verdict, Verified):
            self.took.append(request)
            self.schemes.append(verdict.scheme)
            writer.write(
                encode_response(200, [], request.body, keep_alive=keep, coding=request.coding, version=request.version)
            )
        else:
            offered = self.challenger.challenge(now, peer, basic=self.basic)
            writer.write(encode_response(401, [("WWW-Authenticate", each) for each in offered], keep_alive=keep))
        return keep


@asynccontextmanager
async def listening(acs: Acs) -> AsyncIterator[str]:
    server = await asyncio.start_server(acs.start, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/acs/cwmp?x=1"
    finally:
        server.close()
        for task in acs.tasks:
            task.cancel()
        await asyncio.gather(*acs.tasks, return_exceptions=True)
        await asyncio.sleep(0)


ALGORITHMS = [("MD5",), ("SHA-256",), ("MD5", "SHA-256")]


@pytest.fixture(params=ALGORITHMS, ids="+".join)
def acs(request: pytest.FixtureRequest) -> Acs:
    return Acs(Challenger(b"s" * 16, "vestibule", algorithms=request.param))


async def curl(*arguments: str, data: bytes | None = None) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--max-time", "10", "--user", f"{USER}:{PASSWORD}", *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate(data)
    assert process.returncode is not None
    assert process.returncode == 0, error
    return process.returncode, out


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--http1.0"],
        ["-H", "Expect: 100-continue"],
        ["-H", "Transfer-Encoding: chunked"],
        ["--compressed"],
        ["-H", "Connection: close"],
    ],
    ids=["plain", "http1.0", "expect", "chunked", "compressed", "close"],
)
async def test_curl_signs_in_and_posts(acs: Acs, options: list[str], require_program: Callable[[str], Path]) -> None:
    require_program("curl")
    async with listening(acs) as url:
        _, out = await curl("--digest", *options, "--data-binary", "@-", url, data=BODY)
    assert out == BODY
    assert acs.schemes == ["digest"]
    assert not acs.refused


async def test_curl_signs_in_over_a_new_connection(acs: Acs, require_program: Callable[[str], Path]) -> None:
    require_program("curl")
    acs.closes = True
    async with listening(acs) as url:
        _, out = await curl("--digest", "--data-binary", "@-", url, data=BODY)
    assert out == BODY


async def test_curl_escapes_as_we_read(require_program: Callable[[str], Path]) -> None:
    require_program("curl")
    acs = Acs(Challenger(b"s" * 16, 'a "realm" with \\'))
    async with listening(acs) as url:
        await curl("--digest", "--data-binary", "x", url)
    assert acs.schemes == ["digest"]


async def test_curl_with_basic_and_with_whatever_is_offered(require_program: Callable[[str], Path]) -> None:
    require_program("curl")
    for option, scheme in (("--basic", "basic"), ("--anyauth", "digest")):
        acs = Acs(Challenger(b"s" * 16, "vestibule"), basic=True)
        async with listening(acs) as url:
            await curl(option, "--data-binary", BODY[:20].decode(), url)
        assert acs.schemes == [scheme]


async def test_requests_signs_in_twice_over_one_session(acs: Acs) -> None:
    def work(url: str) -> list[int]:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = requests.auth.HTTPDigestAuth(USER, PASSWORD)
            answers = [session.post(url, data=BODY, timeout=10) for _ in range(3)]
            assert all(each.content == BODY for each in answers)
            return [len(each.history) for each in answers]

    async with listening(acs) as url:
        assert await asyncio.to_thread(work, url) == [1, 0, 0], "challenged more often than once"
    assert acs.schemes == ["digest"] * 3


async def test_httpx_signs_in(acs: Acs) -> None:
    async with listening(acs) as url, httpx.AsyncClient(trust_env=False) as client:
        got = await client.post(url, content=BODY, auth=httpx.DigestAuth(USER, PASSWORD))
        assert (got.status_code, got.content) == (200, BODY)
    assert acs.schemes == ["digest"]


# --- our answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="r x", nonce="n"',
        'Digest realm="r", nonce="n", qop="auth"',
        'Digest realm="r", nonce="n", qop="auth,auth-int", opaque="o"',
        'Digest realm="r", nonce="n", qop="auth", algorithm=MD5',
        'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
    ],
)
def test_our_answers_are_those_of_requests(challenge: str) -> None:
    theirs = requests.auth.HTTPDigestAuth("user", "pass")
    theirs.init_per_thread_state()
    theirs._thread_local.chal = requests.utils.parse_dict_header(challenge.removeprefix("Digest "))
    [said] = read_challenges(theirs.build_digest_header("GET", "http://h:1/a/b?c=d"))
    [ours] = read_challenges(answer(challenge, "GET", "/a/b?c=d", "user", "pass", said.get("cnonce") or ""))
    for name in ("username", "realm", "nonce", "uri", "response", "opaque", "qop", "nc", "cnonce"):
        assert ours.get(name) == said.get(name), name


LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_auth", "mod_authn_file")
server.max-keep-alive-requests = {kept}
auth.backend = "htdigest"
auth.backend.htdigest.userfile = "{root}/users"
auth.require = ("/" => ("method" => "digest", "realm" => "cpe", "algorithm" => "{algorithm}",
    "require" => "valid-user"))
"""


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


@pytest.mark.parametrize("kept", [0, 100], ids=["closes", "keeps"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_lighttpd_takes_our_connection_request(
    tmp_path: Path, ground: Ground, require_program: Callable[[str], Path], algorithm: str, kept: int
) -> None:
    program, port = require_program("lighttpd"), free_port()
    hashed = hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[algorithm], f"{USER}:cpe:{PASSWORD}".encode()).hexdigest()
    (tmp_path / "users").write_text(f"{USER}:cpe:{hashed}\n")
    (tmp_path / "wake").write_text("will call")
    config = tmp_path / "lighttpd.conf"
    config.write_text(LIGHTTPD.format(root=tmp_path, port=port, kept=kept, algorithm=algorithm))
    process = await asyncio.create_subprocess_exec(program, "-D", "-f", str(config), stderr=asyncio.subprocess.DEVNULL)
    url = check_url(f"http://127.0.0.1:{port}/wake?id=1", peer="127.0.0.1")
    try:
        await _until_open(port)
        await wake(url, USER, PASSWORD)
        await wake(url, USER, PASSWORD, quirks=Quirks(fresh_connection_request=True))
        with pytest.raises(RouterUnreachable, match=r"refused the gateway's|within 0\.5 seconds"):
            await wake(url, USER, "wrong", seconds=0.5)  # lighttpd lets wrong passwords wait
        with pytest.raises(RouterUnreachable, match="status 404"):
            await wake(check_url(f"http://127.0.0.1:{port}/none", peer="127.0.0.1"), USER, PASSWORD)
    finally:
        process.terminate()
        await process.wait()


async def _until_open(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("lighttpd does not listen")
