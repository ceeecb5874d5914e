"""A CPE made of sockets and strings: nothing of it is our codec, so that tests do not agree with themselves."""

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass, field

_opened: list[asyncio.StreamWriter] = []


async def close_all() -> None:
    """Drop every connection that tests left open."""
    for writer in _opened:
        writer.transport.abort()
    _opened.clear()
    await asyncio.sleep(0.01)


SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
CWMP = "urn:dslforum-org:cwmp-1-0"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def method(self) -> str:
        """Name of the first element in the SOAP body; empty if there is none."""
        found = re.search(rb"Body[^>]*>\s*<(?:[\w.-]+:)?([\w.-]+)", self.body)
        return found.group(1).decode() if found else ""

    @property
    def id(self) -> str:
        found = re.search(rb"<(?:[\w.-]+:)?ID[^>]*>([^<]*)<", self.body)
        return found.group(1).decode() if found else ""


def envelope(inner: str, *, id_: str = "7", namespace: str = CWMP) -> str:
    """A SOAP envelope around `inner`."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{SOAP}" xmlns:soapenc="{ENCODING}" '
        f'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xmlns:cwmp="{namespace}"><soap:Header><cwmp:ID soap:mustUnderstand="1">{id_}</cwmp:ID></soap:Header>'
        f"<soap:Body>{inner}</soap:Body></soap:Envelope>"
    )


def parameter(name: str, value: str, kind: str = "string") -> str:
    return (
        f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="xsd:{kind}">{value}</Value></ParameterValueStruct>'
    )


@dataclass
class RawCpe:
    """One device. Each method that posts opens a connection if there is none."""

    port: int
    oui: str = "00D09E"
    product: str = "DSL2800"
    serial: str = "ABC123"
    user: str = "cpe-user"
    password: str = "cpe-password"
    tls: ssl.SSLContext | None = None
    cookies: bool = True
    scheme: str = "digest"
    signs: bool = True
    """Whether it answers a challenge."""
    always: bool = False
    """Whether it signs in with every post."""
    qop: bool = True
    """Whether its digests are those of RFC 2617, not of RFC 2069."""
    counts: bool = True
    """Whether it counts `nc`."""
    version: str = "HTTP/1.1"
    extra: str = ""
    """Header lines of every post."""
    namespace: str = CWMP
    cr_url: str = "http://127.0.0.1:9/x"
    jar: dict[str, str] = field(default_factory=dict)
    challenge: str = ""
    count: int = 0
    sent: bytes = b""
    """What it sent last."""
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    # --- bytes -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        host = "localhost" if self.tls else None
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.tls, server_hostname=host
        )
        _opened.append(self.writer)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None

    async def send(self, data: bytes) -> None:
        if self.writer is None:
            await self.open()
        assert self.writer is not None
        self.sent = data
        self.writer.write(data)
        await self.writer.drain()

    async def read(self, seconds: float = 60.0) -> Answer:
        """One response; interim ones are skipped."""
        assert self.reader is not None
        async with asyncio.timeout(seconds):
            while True:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                status = int(head[0].split()[1])
                if status >= 200:
                    break
            headers = [(line.split(":", 1)[0].lower(), line.split(":", 1)[1].strip()) for line in head[1:] if line]
            answer = Answer(status, headers, b"")
            answer.body = await self.reader.readexactly(int(answer.get("content-length") or 0))
        if self.cookies:
            for key, value in headers:
                if key == "set-cookie":
                    name, _, rest = value.partition("=")
                    self.jar[name] = rest.split(";")[0]
        if answer.get("connection") == "close" or self.version == "HTTP/1.0":
            assert await self.reader.read(1) == b"", "it said that it would close"
            self.close()
        return answer

    async def gone(self, seconds: float = 60.0) -> bool:
        """Whether the other side closes now, without a byte."""
        assert self.reader is not None
        try:
            async with asyncio.timeout(seconds):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def head(self, length: int | None, *, sign: bool) -> bytes:
        lines = [f"POST /acs {self.version}", f"Host: 127.0.0.1:{self.port}", 'SOAPAction: ""']
        if length is not None:
            lines.append(f"Content-Length: {length}")
        if length:
            lines.append('Content-Type: text/xml; charset="utf-8"')
        if self.jar:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.jar.items()))
        if sign:
            lines.append("Authorization: " + self.authorization())
        if self.extra:
            lines.append(self.extra)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def authorization(self) -> str:
        if self.scheme == "basic":
            import base64

            return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        part = dict(re.findall(r'(\w+)="([^"]*)"', self.challenge))
        self.count += 1 if self.counts or not self.count else 0
        nc, cnonce = f"{self.count:08x}", "0a4f113b"

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        ha1, ha2 = md5(f"{self.user}:{part['realm']}:{self.password}"), md5("POST:/acs")
        response = md5(
            f"{ha1}:{part['nonce']}:{nc}:{cnonce}:auth:{ha2}" if self.qop else f"{ha1}:{part['nonce']}:{ha2}"
        )
        counted = f', qop=auth, nc={nc}, cnonce="{cnonce}"' if self.qop else ""
        return (
            f'Digest username="{self.user}", realm="{part["realm"]}", nonce="{part["nonce"]}", uri="/acs", '
            f'algorithm=MD5, response="{response}"{counted}'
        )

    # --- messages ----------------------------------------------------------------------------------------------------

    async def post(self, body: bytes | str = b"", *, sign: bool | None = None) -> Answer:
        """Post, and answer one challenge. `sign` at once: by default if it does so always and has a challenge."""
        data = body.encode() if isinstance(body, str) else body
        if sign is None:
            sign = self.always and (bool(self.challenge) or self.scheme == "basic")
        await self.send(self.head(len(data), sign=sign) + data)
        answer = await self.read()
        if answer.status != 401 or not self.signs:
            return answer
        for key, value in answer.headers:
            if key == "www-authenticate" and value.lower().startswith("digest") and "MD5" in value:
                self.challenge, self.count = value, 0
        if sign and "stale=true" not in (answer.get("www-authenticate") or ""):
            return answer
        await self.send(self.head(len(data), sign=True) + data)
        return await self.read()

    def inform_xml(self, *events: str | tuple[str, str], root: str = "Device.", extra: str = "", retry: int = 0) -> str:
        codes = [(event, "") if isinstance(event, str) else event for event in events or ("2 PERIODIC",)]
        listed = "".join(
            f"<EventStruct><EventCode>{code}</EventCode><CommandKey>{key}</CommandKey></EventStruct>"
            for code, key in codes
        )
        values = (
            parameter(f"{root}DeviceInfo.SoftwareVersion", "1.0.7")
            + parameter(f"{root}ManagementServer.ConnectionRequestURL", self.cr_url)
            + parameter(f"{root}ManagementServer.ParameterKey", "vestibule")
            + parameter(f"{root}ManagementServer.PeriodicInformInterval", "300", "unsignedInt")
            + extra
        )
        return envelope(
            f"<cwmp:Inform><DeviceId><Manufacturer>Acme</Manufacturer><OUI>{self.oui}</OUI>"
            f"<ProductClass>{self.product}</ProductClass><SerialNumber>{self.serial}</SerialNumber></DeviceId>"
            f'<Event soapenc:arrayType="cwmp:EventStruct[{len(codes)}]">{listed}</Event>'
            "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-01T00:00:00Z</CurrentTime>"
            f"<RetryCount>{retry}</RetryCount>"
            f'<ParameterList soapenc:arrayType="cwmp:ParameterValueStruct[4]">{values}</ParameterList></cwmp:Inform>',
            id_="100",
            namespace=self.namespace,
        )

    async def inform(self, *events: str | tuple[str, str], **more: object) -> Answer:
        """An Inform, signed in."""
        return await self.post(self.inform_xml(*events, **more))  # type: ignore[arg-type]

    async def response(self, asked: Answer, inner: str = "") -> Answer:
        """Answer the RPC `asked`, by the first word that fits."""
        method = asked.method
        words = {
            "SetParameterValues": "<Status>0</Status>",
            "GetParameterValues": "<ParameterList>" + parameter("Device.DeviceInfo.UpTime", "77", "unsignedInt")
            + "</ParameterList>",
        }  # fmt: skip
        return await self.post(
            envelope(
                f"<cwmp:{method}Response>{inner or words.get(method, '')}</cwmp:{method}Response>",
                id_=asked.id,
                namespace=self.namespace,
            )
        )
