"""A small CPE on libraries that are not the gateway's: libcurl for HTTP, TLS and signing in, expat for XML.

It speaks as the schema says and as C agents do: one handle, a session from Inform to 204, everything of the ACS read by
another parser than the gateway's. Counterpart: `tests.real.curl_easy`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.real.curl_easy import Curl, Got

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
CWMP: Final = "urn:dslforum-org:cwmp-1-0"
HEADERS: Final = ("Content-Type: text/xml; charset=utf-8", "SOAPAction;")
MOST_TURNS: Final = 2000


class Unexpected(AssertionError):
    """The ACS said something that a CPE cannot go on with."""


@dataclass
class CurlCpe:
    """One device. `parameters` are its tree: full names to (type, value)."""

    curl: Curl
    parameters: dict[str, tuple[str, str]]
    oui: str = "00D09E"
    product_class: str = "DSL2800"
    serial: str = "ABC123"
    root: str = "Device."
    rpcs: list[tuple[str, bytes]] = field(default_factory=list)
    """What it was asked: method, and the whole body."""
    answers: list[Got] = field(default_factory=list)
    on_rpc: Callable[[str], None] = field(default=lambda _method: None)

    def session(self, *events: str, before_turn: tuple[bytes, ...] = ()) -> int:
        """Inform, requests of its own, and RPCs until there are no more. The status that ended it."""
        got = self._post(self._inform(events or ("2 PERIODIC",)))
        if got.status != 200:
            return got.status
        if self._method(got.body)[0] != "InformResponse":
            raise Unexpected(got.body.decode(errors="replace"))
        for request in before_turn:
            if (got := self._post(request)).status != 200:
                return got.status
        got = self._post(b"")
        for _ in range(MOST_TURNS):
            if got.status != 200 or not got.body:
                return got.status
            got = self._post(self._carry_out(got.body))
        raise Unexpected("the ACS does not end")

    def envelope(self, inside: str, request_id: str = "1") -> bytes:
        """A message of the CPE, pretty-printed as many do."""
        return (
            f"<?xml version='1.0' encoding='UTF-8'?>\n<soap_env:Envelope xmlns:soap_env='{SOAP}' xmlns:cwmp='{CWMP}' "
            "xmlns:soap_enc='http://schemas.xmlsoap.org/soap/encoding/' xmlns:xsd='http://www.w3.org/2001/XMLSchema' "
            "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\n <soap_env:Header>\n  <cwmp:ID soap_env:"
            f"mustUnderstand='1'>{escape(request_id)}</cwmp:ID>\n </soap_env:Header>\n <soap_env:Body>\n  {inside}\n "
            "</soap_env:Body>\n</soap_env:Envelope>\n"
        ).encode()

    def _inform(self, events: tuple[str, ...]) -> bytes:
        told = "".join(f"<EventStruct><EventCode>{e}</EventCode><CommandKey/></EventStruct>" for e in events)
        names = [name for name in self.parameters if ".DeviceInfo." in name or ".ConnectionRequestURL" in name]
        return self.envelope(
            "<cwmp:Inform><DeviceId><Manufacturer>Acme</Manufacturer>"
            f"<OUI>{self.oui}</OUI><ProductClass>{self.product_class}</ProductClass>"
            f"<SerialNumber>{self.serial}</SerialNumber></DeviceId>"
            f"<Event soap_enc:arrayType='cwmp:EventStruct[{len(events)}]'>{told}</Event>"
            "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-11-23T10:00:00Z</CurrentTime><RetryCount>0</RetryCount>"
            f"<ParameterList>{''.join(self._values(names))}</ParameterList></cwmp:Inform>"
        )

    def _post(self, body: bytes) -> Got:
        got = self.curl.post(body, HEADERS if body else HEADERS[1:])
        self.answers.append(got)
        return got

    @staticmethod
    def _method(body: bytes) -> tuple[str, str, ElementTree.Element]:
        """Method, ID, and the element in the SOAP body."""
        root = ElementTree.fromstring(body)  # what the gateway sends
        if root.tag != f"{{{SOAP}}}Envelope":
            raise Unexpected(root.tag)
        ids = root.findall(f"{{{SOAP}}}Header/{{{CWMP}}}ID")
        (element,) = list(root.find(f"{{{SOAP}}}Body") or ())
        return element.tag.rpartition("}")[2], (ids[0].text or "") if ids else "", element

    def _carry_out(self, body: bytes) -> bytes:
        method, request_id, element = self._method(body)
        self.rpcs.append((method, body))
        self.on_rpc(method)
        act = getattr(self, f"_do_{method}", None)
        return self.envelope(_fault(9000, "Method not supported") if act is None else act(element), request_id)

    def _do_GetParameterValues(self, element: ElementTree.Element) -> str:
        asked = [one.text or "" for one in element.findall("ParameterNames/string")]
        names = [name for path in asked for name in self._below(path)]
        if not names:
            return _fault(9005, "Invalid parameter name")
        values = "".join(self._values(names))
        return (
            f"<cwmp:GetParameterValuesResponse><ParameterList soap_enc:arrayType='cwmp:ParameterValueStruct"
            f"[{len(names)}]'>{values}</ParameterList></cwmp:GetParameterValuesResponse>"
        )

    def _do_SetParameterValues(self, element: ElementTree.Element) -> str:
        wanted = [(one.findtext("Name") or "", one.findtext("Value") or "") for one in element.iter()
                  if one.tag == "ParameterValueStruct"]  # fmt: skip
        if any(name not in self.parameters for name, _ in wanted):
            return _fault(9005, "Invalid parameter name")
        for name, value in wanted:
            self.parameters[name] = (self.parameters[name][0], value)
        return "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"

    def _do_GetParameterNames(self, element: ElementTree.Element) -> str:
        path = element.findtext("ParameterPath") or ""
        one_level = element.findtext("NextLevel") in ("1", "true")
        found = dict.fromkeys(_next(path, name) if one_level else name for name in self._below(path))
        infos = "".join(
            f"<ParameterInfoStruct><Name>{name}</Name><Writable>1</Writable></ParameterInfoStruct>" for name in found
        )
        return (
            "<cwmp:GetParameterNamesResponse><ParameterList soap_enc:arrayType='cwmp:ParameterInfoStruct"
            f"[{len(found)}]'>{infos}</ParameterList></cwmp:GetParameterNamesResponse>"
        )

    def _do_Reboot(self, _element: ElementTree.Element) -> str:
        return "<cwmp:RebootResponse/>"

    def _below(self, path: str) -> list[str]:
        if path and not path.endswith("."):
            return [path] if path in self.parameters else []
        return [name for name in self.parameters if name.startswith(path)]

    def _values(self, names: list[str]) -> Iterator[str]:
        for name in names:
            kind, value = self.parameters[name]
            yield (
                f"<ParameterValueStruct><Name>{name}</Name><Value xsi:type='{kind}'>{escape(value)}</Value>"
                "</ParameterValueStruct>"
            )


def _next(path: str, name: str) -> str:
    head, dot, _ = name[len(path) :].partition(".")
    return f"{path}{head}{dot}"


def _fault(code: int, text: str) -> str:
    return (
        "<soap_env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        f"<FaultCode>{code}</FaultCode><FaultString>{text}</FaultString></cwmp:Fault></detail></soap_env:Fault>"
    )
