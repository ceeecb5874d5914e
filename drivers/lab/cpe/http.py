"""A CPE's HTTP client: one connection to its ACS, cookies, sign-in, and the habits of real ones.

A reading of RFC 9112 and of TR-069 (3.4) of its own; nothing of the gateway's is used.
"""

import asyncio
import contextlib
import gzip
import ssl
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from drivers.lab.cpe.digest import SignIn

MOST_REDIRECTS = 5


class LostAcs(Exception):
    """The session cannot go on: no connection, no answer, or not one that a CPE understands."""

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        """Seconds that a 503 asked for."""


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` with lower-case names, in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def first(self, name: str, default: str = "") -> str:
        return next(iter(self.all(name)), default)


@dataclass(slots=True)
class Jar:
    """A CPE's cookies."""

    moods: frozenset[str]
    cookies: dict[str, str] = field(default_factory=dict)

    def take(self, response: Response) -> None:
        for line in response.all("set-cookie"):
            first, *attributes = [part.strip() for part in line.split(";")]
            name, _, value = first.partition("=")
            path = next((one.split("=", 1)[1] for one in attributes if one.lower().startswith("path=")), "")
            if "no-cookies" in self.moods or ("cookie-path" in self.moods and path != "/"):
                continue
            self.cookies[name] = value.strip('"')

    def header(self) -> str | None:
        if not self.cookies:
            return None
        if "cookie-commas" in self.moods:
            return ", ".join([*(f'{name}="{value}"' for name, value in self.cookies.items()), 'lang="de"'])
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


@dataclass(slots=True)
class Client:
    """Posts to one URL. `opened` counts its connections."""

    url: str
    moods: frozenset[str]
    sign_in: SignIn
    tls: ssl.SSLContext | None = None
    seconds: float = 30.0
    jar: Jar = field(default_factory=lambda: Jar(frozenset()))
    opened: int = 0
    statuses: list[int] = field(default_factory=list)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _signed: bool = False

    async def post(self, body: bytes, content_type: str, *, length: int | None = None) -> Response:
        """Send a body and read the answer; follow challenges and redirects. Raises `LostAcs`."""
        challenged = 0
        for _ in range(MOST_REDIRECTS + 2):
            try:
                async with asyncio.timeout(self.seconds):
                    answer = await self._exchange(body, content_type, length)
            except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as error:
                await self.close()
                raise LostAcs(f"no answer from the ACS: {type(error).__name__}: {error}") from error
            self.statuses.append(answer.status)
            self.jar.take(answer)
            await self._after(answer)
            if answer.status == 401 and challenged < 2 and self.sign_in.challenged(answer.all("www-authenticate")):
                challenged += 1
                self._signed = False
            elif answer.status in (301, 302, 307, 308) and answer.first("location"):
                await self.close()
                self.url = urljoin(self.url, answer.first("location"))
            else:
                return answer
        raise LostAcs("the ACS sends this CPE around in circles, or does not let it in")

    async def _exchange(self, body: bytes, content_type: str, length: int | None) -> Response:
        await self._connect()
        assert self._reader is not None
        assert self._writer is not None
        head, sent = self._request(body, content_type, length)
        if "expect-100" in self.moods and body:
            self._writer.write(head)
            await self._writer.drain()
            interim = await _read_head(self._reader)
            if interim[0] != 100:
                return await _read_rest(self._reader, *interim)
            self._writer.write(sent)
        else:
            self._writer.write(head + sent)
        await self._writer.drain()
        while True:
            status, headers = await _read_head(self._reader)
            if status != 100:
                return await _read_rest(self._reader, status, headers)

    def _request(self, body: bytes, content_type: str, length: int | None) -> tuple[bytes, bytes]:
        """Head and body as they go onto the wire."""
        split = urlsplit(self.url)
        target = (split.path or "/") + (f"?{split.query}" if split.query else "")
        old = "http10" in self.moods
        headers = {"Host": split.netloc, "User-Agent": "lab-cpe", "Accept-Encoding": "gzip", "SOAPAction": ""}
        if body:
            headers["Content-Type"] = content_type
        if "gzip" in self.moods and body:
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
            length = None
        if cookie := self.jar.header():
            headers["Cookie"] = cookie
        if not ("auth-once" in self.moods and self._signed) and (sign := self.sign_in.header("POST", target)):
            headers["Authorization"] = sign
            self._signed = True
        if "chunked" in self.moods and body and not old:
            headers["Transfer-Encoding"] = "chunked"
            half = len(body) // 2
            body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (body[:half], body[half:])) + b"0\r\n\r\n"
        else:
            headers["Content-Length"] = str(len(body) if length is None else length)
        if "expect-100" in self.moods and body:
            headers["Expect"] = "100-continue"
        lines = [f"POST {target} HTTP/1.{0 if old else 1}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1"), body

    async def _connect(self) -> None:
        if self._writer is not None and not self._writer.is_closing():
            return
        split = urlsplit(self.url)
        if split.scheme not in ("http", "https") or (split.scheme == "https" and "plain-only" in self.moods):
            raise LostAcs(f"this CPE does not speak {split.scheme}")
        secure = split.scheme == "https"
        port = split.port or (443 if secure else 80)
        tls = (self.tls or ssl.create_default_context()) if secure else None
        self._reader, self._writer = await asyncio.open_connection(split.hostname, port, ssl=tls, limit=1 << 24)
        self.opened += 1
        self._signed = False

    async def _after(self, answer: Response) -> None:
        """Close where the answer or this CPE's habit says so."""
        closes = "close" in answer.first("connection").lower()
        if closes or "http10" in self.moods or (answer.status == 401 and "close-after-401" in self.moods):
            await self.close()

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None

    def cut(self) -> None:
        """Without a word, as when the power goes."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, tuple[tuple[str, str], ...]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.split("\r\n")[:-2]
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return int(first.split(" ", 2)[1]), headers


async def _read_rest(reader: asyncio.StreamReader, status: int, headers: tuple[tuple[str, str], ...]) -> Response:
    named = dict(headers)
    if status == 204:
        body = b""
    elif "chunked" in named.get("transfer-encoding", "").lower():
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
    elif "content-length" in named:
        body = await reader.readexactly(int(named["content-length"]))
    else:
        body = await reader.read()
    if named.get("content-encoding", "").lower() == "gzip" and body:
        body = gzip.decompress(body)
    return Response(status, headers, body)


async def fetch(
    url: str, *, user: str = "", password: str = "", put: bytes | None = None, seconds: float = 30.0
) -> Response:
    """One request outside a session: a file of Download, or an Upload with `put`. Raises `LostAcs`."""
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise LostAcs(f"this CPE fetches nothing from {url[:80]}")
    sign_in = SignIn(user, password)
    method, body = ("GET", b"") if put is None else ("PUT", put)
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    try:
        async with asyncio.timeout(seconds):
            answer = await _once(url, sign_in, method, target, body)
            if answer.status == 401 and user and sign_in.challenged(answer.all("www-authenticate")):
                answer = await _once(url, sign_in, method, target, body)
            return answer
    except (OSError, EOFError, TimeoutError, ValueError) as error:
        raise LostAcs(f"no answer from {split.netloc}: {type(error).__name__}") from error


async def _once(url: str, sign_in: SignIn, method: str, target: str, body: bytes) -> Response:
    """On a connection of its own."""
    split = urlsplit(url)
    tls = ssl.create_default_context() if split.scheme == "https" else None
    port = split.port or (443 if tls else 80)
    reader, writer = await asyncio.open_connection(split.hostname, port, ssl=tls, limit=1 << 24)
    try:
        sign = sign_in.header(method, target)
        lines = [f"{method} {target} HTTP/1.1", f"Host: {split.netloc}", f"Content-Length: {len(body)}"]
        lines += ["Connection: close", *([f"Authorization: {sign}"] if sign else []), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + body)
        return await _read_rest(reader, *await _read_head(reader))
    finally:
        writer.close()
