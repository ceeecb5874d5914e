"""A tiny ACS on a raw socket that asks a CPE what a test scripts, and keeps the bytes of every request."""

import asyncio
import contextlib
import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:c="{ns}">'
    '<s:Header><c:ID s:mustUnderstand="1">{id}</c:ID>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>'
)
NAMESPACE = "urn:dslforum-org:cwmp-1-2"


def rpc(method: str, content: str = "", ident: str = "a1", *, ns: str = NAMESPACE, header: str = "") -> bytes:
    body = f"<c:{method}>{content}</c:{method}>"
    return _ENVELOPE.format(ns=ns, id=ident, body=body, header=header).encode()


def get_values(*names: str) -> bytes:
    return rpc(
        "GetParameterValues", f"<ParameterNames>{''.join(f'<string>{n}</string>' for n in names)}</ParameterNames>"
    )


def set_values(*pairs: tuple[str, str], key: str = "k1") -> bytes:
    structs = "".join(
        f"<ParameterValueStruct><Name>{n}</Name><Value>{v}</Value></ParameterValueStruct>" for n, v in pairs
    )
    return rpc("SetParameterValues", f"<ParameterList>{structs}</ParameterList><ParameterKey>{key}</ParameterKey>")


@dataclass
class Request:
    head: str
    body: bytes
    raw: bytes
    connection: int

    @property
    def text(self) -> str:
        body = gzip.decompress(self.body) if "content-encoding: gzip" in self.head.lower() else self.body
        return body.decode("utf-8", "replace")

    @property
    def method(self) -> str:
        found = re.search(r"<[\w-]*:?Body>\s*<(?:[\w-]+:)?(\w+)", self.text)
        return found[1] if found else ""

    def header(self, name: str) -> str | None:
        found = re.search(rf"^{name}:[ ]*(.*?)\r$", self.head, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else None


@dataclass
class TinyAcs:
    """`todo`: RPCs for the CPE's next turns. `files`: what it serves by path. `answer_inform`: may say otherwise."""

    todo: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    put: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    on_request: Callable[[Request], bytes | None] | None = None
    cookie: str = "sid=c{n}; Path=/"
    port: int = 0
    connections: int = 0
    hold: bool = False
    _informs: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def said(self, method: str) -> list[Request]:
        return [one for one in self.requests if one.method == method]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await self._read(reader, writer, number)
                self.requests.append(request)
                answer = self._answer(request)
                writer.write(answer)
                if not answer or b"Connection: close" in answer:
                    break
        writer.close()

    async def _read(self, reader, writer, number: int) -> Request:
        head = await reader.readuntil(b"\r\n\r\n")
        text = head.decode("latin-1")
        if "expect: 100-continue" in text.lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = re.search(r"content-length: (\d+)", text, re.IGNORECASE)
        raw = body = b""
        if "chunked" in text.lower():
            while True:
                line = await reader.readuntil(b"\r\n")
                data = await reader.readexactly(int(line, 16) + 2)
                raw, body = raw + line + data, body + data[:-2]
                if line == b"0\r\n":
                    break
        elif length:
            body = await reader.readexactly(int(length[1]))
            with contextlib.suppress(TimeoutError):
                while b"<" in body and b"Envelope>" not in body and body.isascii() is not None and b"\x00" not in body:
                    if "gzip" in text.lower().split("accept-encoding")[0] or "content-encoding" in text.lower():
                        break
                    body += await asyncio.wait_for(reader.read(100), 0.1)
        return Request(text, body, head + (raw or body), number)

    def _answer(self, request: Request) -> bytes:
        if self.on_request is not None and (said := self.on_request(request)) is not None:
            return said
        path = request.head.split(" ")[1]
        if request.head.startswith("GET"):
            found = self.files.get(path)
            return reply(found) if found is not None else reply(b"", status="404 Not Found")
        if request.head.startswith("PUT"):
            self.put[path] = request.body
            return reply(b"", status="201 Created")
        if request.method == "Inform":
            self._informs += 1
            return self.inform_response(request)
        if request.method in ("TransferComplete", "GetRPCMethods"):
            return reply(rpc(f"{request.method}Response", "", ident(request), ns=namespace(request)))
        return self.next(request)

    def inform_response(self, request: Request) -> bytes:
        hold = '<c:HoldRequests s:mustUnderstand="1">1</c:HoldRequests>' if self.hold else ""
        body = rpc(
            "InformResponse", "<MaxEnvelopes>1</MaxEnvelopes>", ident(request), ns=namespace(request), header=hold
        )
        return reply(body, more=f"Set-Cookie: {self.cookie.format(n=self._informs)}\r\n")

    def next(self, request: Request) -> bytes:
        return reply(self.todo.pop(0)) if self.todo else b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def ident(request: Request) -> str:
    return re.search(r":ID[^>]*>\s*(.*?)\s*<", request.text.replace("\x00", ""), re.DOTALL)[1]


def namespace(request: Request) -> str:
    return re.search(r"urn:dslforum-org:cwmp-1-\d", request.text.replace("\x00", ""))[0]


def reply(body: bytes, *, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body
