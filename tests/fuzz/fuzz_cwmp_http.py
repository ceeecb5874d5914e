"""Fuzz target for what CPEs and ACSs send below SOAP: HTTP, Digest, cookies.

One kind of error, the same reading however the bytes are cut, never an empty body where one was sent, nobody signed in,
bounded memory, no time beyond linear. Run: `python tests/fuzz/fuzz_cwmp_http.py -atheris_runs=20000 [directory]`;
without atheris installed the same checks run on random bytes. Counterparts: tests/unit/drivers/cwmp.
"""

import contextlib
import random
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

try:
    import atheris
except ImportError:
    atheris = None

with contextlib.nullcontext() if atheris is None else atheris.instrument_imports():
    from drivers.cwmp.wire.connection_request import check_url
    from drivers.cwmp.wire.cookies import session_ids
    from drivers.cwmp.wire.digest import Challenger, Verified, answer, read_challenges
    from drivers.cwmp.wire.http import HttpRequest, RequestParser, ResponseParser
    from drivers.errors import BadHttp, LoginRefused, RouterUnreachable

from tests.fuzz.mutation import edited, worded

MOST = 20_000
PASSWORD = "correct horse battery staple"
POST = (
    b'POST /acs HTTP/1.1\r\nHost: acs:7547\r\nContent-Type: text/xml\r\nSOAPAction: ""\r\nCookie: session=0\r\n'
    b"Content-Length: 17\r\n\r\n<a><Envelope></a>"
)
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n<a/>\n\r\n0\r\nX: y\r\n\r\n"
ANSWER = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nContent-Length: 2\r\n\r\nno'
CHALLENGER = Challenger(b"s" * 16, "vestibule", without_qop=True)
SIGNED = answer(CHALLENGER.challenge(1000, "p"), "POST", "/acs", "user", PASSWORD, "c").encode()
URL = b"http://203.0.113.7:7547/a?b=c"

SECONDS_PER_BYTE = 20e-6
"""Far above what any input costs; what is not linear gets beyond it at some length."""

WORDS = (
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\n\n", b"\r", b" ", b"\t", b":", b";", b",", b'"', b"\\", b"=", b"\x00", b"\xff"),
    *(b"POST / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n\r\n", b"0", b"%"),
    *(b"HTTP/1.1 204 N\r\n", b"Content-Length: 0\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: deflate\r\n", b"Expect: 100-continue\r\n", b"0\r\n\r\n"),
    *(b"Connection: close\r\n", b"5\r\nabcde\r\n", b"Envelope>", b"Digest ", b"Basic ", b'realm="vestibule"', b"nc=1"),
    *(b'qop="auth"', b"nonce=n", b"algorithm=MD5-sess", b"session=", b"0" * 32, b"$Version", b"http://", b"0x7f.1"),
    *(b"127.0.0.1", b"203.0.113.7", b"[::1]", b"@", b"#"),
)


def check_request(data: bytes) -> None:
    whole, single, halves = _requests([data]), _requests(data[at : at + 1] for at in range(len(data))), _halves(data)
    if b"POST" not in data:  # whether something stands behind an unframed POST is known only when it has come
        assert whole == single == halves, "how the bytes are cut changes what is read"
    requests, _ = whole
    for request in requests:
        assert len(request.body) <= MOST
        if b"Content-Encoding" not in data and request.body:
            assert request.body in data or b"chunked" in data.lower(), "a body that was not sent"


def _halves(data: bytes) -> tuple[list[HttpRequest], object]:
    return _requests([data[: len(data) // 2], data[len(data) // 2 :]])


def _requests(pieces: Iterable[bytes]) -> tuple[list[HttpRequest], object]:
    parser, found = RequestParser(MOST), []
    try:
        for piece in pieces:
            found += parser.feed(piece)
            while parser.left_over and (more := parser.feed()):
                found += more
    except BadHttp as error:
        return found, error.status
    return found, parser.idle


def check_response(data: bytes) -> None:
    parser = ResponseParser("GET", MOST)
    response = parser.feed(data) or parser.finish()
    assert response is None or len(response.body) <= MOST


def check_short_length(data: bytes) -> None:
    parser = RequestParser(MOST)
    for request in parser.feed(data):
        longer = parser.lengthen(request)
        if longer is not None:
            assert longer.body.startswith(request.body)
            assert longer.body.rstrip().endswith(b">"), "an envelope without its end"


def check_credential(data: bytes) -> None:
    header = data.decode("latin-1")
    read_challenges(header)
    verdict = CHALLENGER.verify(header, "POST", "/acs", {"user": PASSWORD}.get, 1001, "p", basic=True)
    assert not isinstance(verdict, Verified) or header.strip().lower().startswith("digest"), "guessed"
    assert not isinstance(verdict, Verified) or _response_of(header) == _response_of(SIGNED.decode())


def _response_of(header: str) -> str:
    return header.lower().partition("response=")[2].strip('" ')[:32]


def check_challenge(data: bytes) -> None:
    with contextlib.suppress(LoginRefused):
        said = answer(data.decode("latin-1"), "GET", "/", "user", PASSWORD, "c")
        assert PASSWORD not in said
        assert not any(ord(char) < 32 and char != "\t" for char in said), "a header of a peer's making"


def check_cookie(data: bytes) -> None:
    for found in session_ids([data.decode("latin-1")]):
        assert found.encode() in data


def check_target(data: bytes) -> None:
    with contextlib.suppress(RouterUnreachable):
        url = check_url(data.decode("latin-1"), peer="203.0.113.7", allowed_ports=(80,))
        assert url.host == "203.0.113.7"
        assert url.port == 80 or 1024 <= url.port < 65536


TARGETS: tuple[tuple[Callable[[bytes], None], bytes], ...] = (
    (check_request, POST),
    (check_request, CHUNKED),
    (check_response, ANSWER),
    (check_short_length, POST),
    (check_credential, SIGNED),
    (check_challenge, SIGNED),
    (check_cookie, b'$Version=1; session="' + b"0" * 32 + b'"'),
    (check_target, URL),
)


def check(data: bytes) -> None:
    """One input: which target, edited from a good text or made of words, how often repeated; then edits or words."""
    if len(data) < 3:
        return
    target, good = TARGETS[data[0] % len(TARGETS)]
    raw = edited(good, data[2:], WORDS) if data[1] % 2 else worded(data[2:], WORDS)
    raw *= 1 + (data[1] >> 1) % 4
    start = time.process_time()
    with contextlib.suppress(BadHttp):
        target(raw)
    taken = time.process_time() - start
    assert taken < 0.5 + len(raw) * SECONDS_PER_BYTE, f"{taken:.2f} s for {len(raw)} bytes"


def check_growth() -> None:
    """Time for a byte stays flat from 2 to 16 KiB, whatever the input repeats."""
    for target, good in TARGETS:
        for word in (*WORDS, good):
            for before in (b"", good):
                rates = [_seconds(target, before, word, size) / size for size in (2_000, 16_000)]
                name = f"{target.__name__} {word[:30]!r}"
                print(f"{name:60} {rates[0] * 1e9:8.1f} {rates[1] * 1e9:8.1f} ns a byte")
                assert rates[1] <= 5 * rates[0] + 200e-9, f"{name}: time for a byte grows with the input"


def _seconds(target: Callable[[bytes], None], before: bytes, word: bytes, size: int) -> float:
    raw = (before + word * (size // len(word) + 1))[:size]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(BadHttp):
            target(raw)
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Fuzz. `--growth` measures how time grows with the input instead."""
    for target, good in TARGETS:
        target(good)
    if "--growth" in sys.argv:
        check_growth()
        return
    if atheris is not None:
        atheris.Setup(sys.argv, check)
        atheris.Fuzz()
        return
    runs = next((int(arg.partition("=")[2]) for arg in sys.argv if arg.startswith("-atheris_runs=")), 20_000)
    generator = random.Random(1)
    for run in range(runs):
        data = generator.randbytes(generator.choice((6, 10, 18, 80)))
        try:
            check(data)
        except BaseException:
            print(f"run {run}: {data!r}")
            raise
    print(f"{runs} random inputs, no finding (atheris is not installed)")


if __name__ == "__main__":
    main()
