"""An ACS that costs next to nothing, in a process of its own: asks one RPC again and again. For `benchmarks.cwmp`.

Prints `{"port": …}`; then for each session of a CPE one line with the seconds from the RPC to its answer.
"""

import asyncio
import json
import re
import sys
import time

import uvloop

_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" xmlns:c="urn:dslforum-org:cwmp-1-2">'
    '<s:Header><c:ID s:mustUnderstand="1">{id}</c:ID></s:Header><s:Body>{body}</s:Body></s:Envelope>'
)
_INFORMED = "<c:InformResponse><MaxEnvelopes>1</MaxEnvelopes></c:InformResponse>"
_ASKED = (
    '<c:GetParameterValues><ParameterNames e:arrayType="xsd:string[2]" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
    "<string>Device.DeviceInfo.UpTime</string><string>Device.DeviceInfo.SoftwareVersion</string>"
    "</ParameterNames></c:GetParameterValues>"
)
_ID = re.compile(rb"ID[^>]*>\s*([^<\s]*)\s*<")
_rpcs = int(sys.argv[1]) if len(sys.argv) > 1 else 300


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    times: list[float] = []
    asked = 0.0
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            found = re.search(rb"content-length: *(\d+)", head)
            body = await reader.readexactly(int(found[1])) if found else b""
            now = time.perf_counter()
            if b"Inform>" in body:
                ident = _ID.search(body)
                answer = _ENVELOPE.format(id=ident[1].decode() if ident else "1", body=_INFORMED)
            else:
                if b"GetParameterValuesResponse" in body:
                    times.append(now - asked)
                if len(times) == _rpcs:
                    print(json.dumps({"times": times}), flush=True)
                    times = []
                    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    break
                answer = _ENVELOPE.format(id=f"r{len(times)}", body=_ASKED)
            data = answer.encode()
            cookie = "Set-Cookie: s=1; Path=/\r\n" if b"Inform>" in body else ""
            asked = time.perf_counter()
            writer.write(
                f'HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset="utf-8"\r\n{cookie}'
                f"Content-Length: {len(data)}\r\n\r\n".encode()
                + data
            )
    except (OSError, EOFError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_main())
