"""Envelopes: what CPEs and ACSs really send, tricks that must not change what is understood, and bounds."""

import codecs
import contextlib
import hashlib
import subprocess
import sys
import threading

import pytest

from drivers.cwmp import messages as m
from drivers.cwmp.codec import xml_tree
from drivers.cwmp.codec.envelope import Envelope, check_answer, decode, encode, method_of
from drivers.cwmp.codec.names import CPE_REQUESTS
from drivers.cwmp.codec.rpc_reading import MOST_OF_INFORM
from drivers.cwmp.codec.xml_words import Words
from drivers.cwmp.device import DeviceId
from drivers.cwmp.quirks import Quirks
from drivers.errors import BadEnvelope

NS = "urn:dslforum-org:cwmp-1-0"
SPACES = (
    'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def wrap(rpc: str, *, namespace: str = NS, header: str = "<c:ID>7</c:ID>", before: str = "", after: str = "") -> str:
    return (
        f'{before}<s:Envelope {SPACES} xmlns:c="{namespace}"><s:Header>{header}</s:Header>'
        f"<s:Body>{rpc}</s:Body></s:Envelope>{after}"
    )


def get(*items: str) -> str:
    inside = "".join(items)
    return f"<c:GetParameterValues><ParameterNames>{inside}</ParameterNames></c:GetParameterValues>"


def struct(inside: str) -> str:
    return f"<ParameterValueStruct>{inside}</ParameterValueStruct>"


def setting(*structs: str) -> str:
    inside = "".join(structs)
    return f"<c:SetParameterValues><ParameterList>{inside}</ParameterList><ParameterKey/></c:SetParameterValues>"


def answer(*structs: str) -> str:
    inside = "".join(structs)
    return f"<c:GetParameterValuesResponse><ParameterList>{inside}</ParameterList></c:GetParameterValuesResponse>"


def from_acs(text: str | bytes, content_type: str = "") -> m.Message:
    body = text if isinstance(text, bytes) else text.encode()
    return decode(body, content_type=content_type, sender="acs").message


def from_cpe(text: str | bytes, content_type: str = "") -> Envelope:
    body = text if isinstance(text, bytes) else text.encode()
    return decode(body, content_type=content_type, sender="cpe")


def value_of(text: str | bytes, content_type: str = "") -> m.ParameterValue:
    message = from_cpe(text, content_type).message
    assert isinstance(message, m.Values)
    (value,) = message.values
    return value


GOOD = wrap(get("<string>Device.A</string>"))
NAME, VALUE = "<Name>Device.A</Name>", '<Value xsi:type="xsd:string">v</Value>'
WRITTEN = m.SetParameterValues((m.ParameterValue("Device.A", "v"),))


# --- tricks: each has one meaning or none -----------------------------------------------------------------------------

SAME = {
    "other prefixes": GOOD.replace("c:", "x:").replace(":c=", ":x="),
    "a default namespace for the RPC": wrap(
        f'<GetParameterValues xmlns="{NS}"><ParameterNames xmlns=""><string>Device.A</string></ParameterNames>'
        "</GetParameterValues>"
    ),
    "qualified arguments": wrap(get("<string>Device.A</string>").replace("ParameterNames", "c:ParameterNames")),
    "a prefix bound anew to the same": GOOD.replace("<ParameterNames", f'<ParameterNames xmlns:c="{NS}"'),
    "CDATA": wrap(get("<string><![CDATA[Device.A]]></string>")),
    "CDATA in pieces": wrap(get("<string>Dev<![CDATA[ice]]>.A</string>")),
    "character references": wrap(get("<string>&#68;evice&#x2e;A</string>")),
    "white space": wrap(get("<string>\n  Device.A\t</string>")),
    "a comment between elements": wrap(get("<!-- <string>Device.B</string> --><string>Device.A</string>")),
    "a comment before": "<!-- <!DOCTYPE a> -->" + GOOD,
    "an instruction before": '<?xml-stylesheet href="a.xsl"?>' + GOOD,
    "a wrong count": wrap(get("<string>Device.A</string>").replace("Names>", 'Names e:arrayType="xsd:string[9]">', 1)),
    "xml:base": GOOD.replace("<ParameterNames>", '<ParameterNames xml:base="http://example.org/">'),
    "xml:lang": GOOD.replace("<string>", '<string xml:lang="de">'),
    "an id nobody refers to": GOOD.replace("<string>", '<string id="a">'),
    "a UTF-8 byte order mark": codecs.BOM_UTF8 + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"),
    "white space before": "\r\n \t" + GOOD,
    "white space after": GOOD + "\r\n",
    "single quotes": GOOD.replace('"', "'"),
    "a declaration": '<?xml version="1.0" encoding="us-ascii" standalone="yes"?>' + GOOD,
    "no header": GOOD.replace("<s:Header><c:ID>7</c:ID></s:Header>", ""),
    "a member called otherwise": wrap(get("<item>Device.A</item>")),
}


@pytest.mark.parametrize("body", SAME.values(), ids=SAME.keys())
def test_what_changes_no_meaning(body):
    assert from_acs(body) == m.GetParameterValues(("Device.A",))


ENTITY = '<!DOCTYPE a [<!ENTITY b "Device.A">]>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
REFUSED = {
    "an internal DTD": ENTITY + wrap(get("<string>&b;</string>")),
    "a DTD without any use": "<!DOCTYPE Envelope>" + GOOD,
    "a DTD behind a comment": "<!-- --><?a ?>\n" + ENTITY + GOOD,
    "a DTD behind a declaration": '<?xml version="1.0"?>' + ENTITY + GOOD,
    "a DTD in UTF-16": (ENTITY + GOOD).encode("utf-16"),
    "an external DTD": '<!DOCTYPE a SYSTEM "file:///etc/passwd">' + GOOD,
    "a public DTD": '<!DOCTYPE a PUBLIC "a" "http://127.0.0.1/a.dtd">' + GOOD,
    "an external entity": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + wrap(get("<string>&b;</string>")),
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1/">%b;]>' + GOOD,
    "billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>' + wrap(get("<string>&l11;</string>")),
    "quadratic blowup": f'<!DOCTYPE a [<!ENTITY b "{"x" * 9999}">]>' + wrap(get("<string>&b;&b;&b;</string>")),
    "a default attribute": '<!DOCTYPE a [<!ATTLIST string href CDATA "#b">]>' + GOOD,
    "an unknown entity": wrap(get("<string>&nbsp;</string>")),
    "a reference to a character that is none": wrap(get("<string>&#0;</string>")),
    "a comment inside a name": wrap(get("<string>Device.<!-- x -->A</string>")),
    "an instruction inside a name": wrap(get("<string>Device.<?x y?>A</string>")),
    "an element inside a name": wrap(get("<string>Device.<b>A</b></string>")),
    "XInclude": wrap(
        get('<string><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/></string>')
    ),
    "another namespace for an argument": GOOD.replace("ParameterNames", "s:ParameterNames"),
    "another namespace for the RPC": wrap(get("<string>Device.A</string>"), namespace="urn:example"),
    "a namespace that only looks alike": wrap(get("<string>Device.A</string>"), namespace=NS + "/x"),
    "a prefix bound to another": GOOD.replace("<c:GetP", '<c:GetParameterValues xmlns:c="urn:x"><c:GetP', 1).replace(
        "</s:Body>", "</c:GetParameterValues></s:Body>"
    ),
    "no namespace": GOOD.replace("c:GetParameterValues", "GetParameterValues"),
    "an undeclared prefix": GOOD.replace("c:GetParameterValues", "z:GetParameterValues"),
    "SOAP 1.2": GOOD.replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
    "names twice": wrap(get("<string>Device.A</string></ParameterNames><ParameterNames><string>Device.B</string>")),
    "names twice, once qualified": wrap(
        get("<string>Device.A</string></ParameterNames><c:ParameterNames/><ParameterNames>")
    ),
    "two RPCs": wrap(get("<string>Device.A</string>") * 2),
    "no RPC": wrap(""),
    "text for an RPC": wrap("GetParameterValues"),
    "two bodies": GOOD.replace("</s:Envelope>", "<s:Body/></s:Envelope>"),
    "two headers": GOOD.replace("<s:Body>", "<s:Header/><s:Body>"),
    "a header behind the body": GOOD.replace("</s:Envelope>", "<s:Header/></s:Envelope>"),
    "something behind the body": GOOD.replace("</s:Envelope>", "<x/></s:Envelope>"),
    "two envelopes": GOOD + GOOD,
    "garbage behind": GOOD + "x",
    "a NUL behind": GOOD + "\0",
    "a NUL inside": GOOD.replace("Device.A", "Device.A\0"),
    "two ids": wrap(get("<string>Device.A</string>"), header="<c:ID>1</c:ID><c:ID>2</c:ID>"),
    "an id with an element": wrap(get("<string>Device.A</string>"), header="<c:ID>1<b/></c:ID>"),
    "an endless id": wrap(get("<string>Device.A</string>"), header=f"<c:ID>{'1' * 257}</c:ID>"),
    "a header that must be understood": wrap(get(), header='<c:X s:mustUnderstand="1"/>'),
    "an argument nobody knows": GOOD.replace("<ParameterNames>", "<Other/><ParameterNames>"),
    "no argument": wrap("<c:GetParameterValues/>"),
    "a reference": wrap('<c:GetParameterValues><ParameterNames href="#a"/></c:GetParameterValues>'),
    "a reference to a second element": wrap(get('<string href="#a"/>') + '<multiRef id="a">Device.A</multiRef>'),
    "a sparse array": wrap(get('<string e:position="[4]">Device.A</string>')),
    "an array with an offset": GOOD.replace("<ParameterNames>", '<ParameterNames e:offset="[2]">'),
    "UTF-7": ('<?xml version="1.0" encoding="UTF-7"?>' + GOOD),
    "UTF-16 that only says so": '<?xml version="1.0" encoding="UTF-16"?>' + GOOD,
    "EBCDIC": ('<?xml version="1.0" encoding="cp037"?>' + GOOD),
    "bad UTF-8": GOOD.replace("Device.A", "Device.Ä").encode("latin-1"),
    "overlong UTF-8": GOOD.encode().replace(b"Device.A", b"Device\xc0\xaeA"),
    "half a UTF-16": GOOD.encode("utf-16")[:-1],
    "nothing": "",
    "white space only": " \r\n",
    "no XML": "GET / HTTP/1.1",
    "other XML": "<a/>",
    "an unclosed element": GOOD[:-5],
    "nil": wrap(setting(struct(NAME + '<Value xsi:nil="true"/>'))),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_meaning_from_an_acs(body):
    with pytest.raises(BadEnvelope) as caught:
        from_acs(body)
    assert "passwd" not in str(caught.value)
    assert str(caught.value).endswith(".")


TOLERATED = {
    "a NUL behind",
    "a NUL inside",
    "a reference to a character that is none",
    "bad UTF-8",
    "overlong UTF-8",
    "half a UTF-16",
    "a header that must be understood",
    "nil",
}


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - TOLERATED))
def test_a_cpe_is_forgiven_no_trick(name):
    """The same tricks in an answer, where only tolerance for single characters differs."""
    body = REFUSED[name] if isinstance(REFUSED[name], bytes) else REFUSED[name].encode()
    swapped = body.replace(b"GetParameterValues", b"GetRPCMethodsResponse").replace(b"ParameterNames", b"MethodList")
    if name in ("an argument nobody knows", "no argument"):
        assert from_cpe(swapped).warnings
    else:
        with pytest.raises(BadEnvelope):
            from_cpe(swapped)


@pytest.mark.parametrize(
    "inside",
    [
        NAME * 2 + VALUE,
        NAME + VALUE * 2,
        NAME + "<c:Name>Device.B</c:Name>" + VALUE,
        NAME + VALUE + '<x:Value xmlns:x="urn:x">w</x:Value>',
        NAME + "<Value>v<!-- --></Value>",
        NAME + "<Value><a/></Value>",
        NAME + '<Value href="#x"/>',
        '<Name xmlns="urn:x">Device.A</Name>' + VALUE,
        NAME + '<Value xsi:nil="1">v</Value>',
    ],
)
def test_a_parameter_that_could_be_read_in_two_ways_is_refused_from_both(inside):
    with pytest.raises(BadEnvelope):
        from_acs(wrap(setting(struct(inside))))
    with pytest.raises(BadEnvelope):
        from_cpe(wrap(answer(struct(inside))))


@pytest.mark.parametrize(
    "inside",
    [
        VALUE,
        NAME,
        "<Name/>" + VALUE,
        NAME + '<Value xsi:type="xsd:boolean">maybe</Value>',
        NAME + '<Value xsi:type="xsd:QName">v</Value>',
        NAME + VALUE + "<Extra/>",
    ],
)
def test_an_acs_that_leaves_something_open_is_refused_and_a_cpe_warned_about(inside):
    with pytest.raises(BadEnvelope):
        from_acs(wrap(setting(struct(inside))))
    assert from_cpe(wrap(answer(struct(inside)))).warnings


def test_letter_case_is_kept_and_means_something():
    assert from_acs(wrap(get("<string>device.a</string>"))) == m.GetParameterValues(("device.a",))
    assert from_acs(wrap("<c:getparametervalues/>")) == m.OtherRpc("getparametervalues")


def test_an_acs_does_not_set_one_parameter_twice():
    with pytest.raises(BadEnvelope, match="twice"):
        from_acs(wrap(setting(struct(NAME + VALUE), struct(NAME + VALUE))))


def test_what_an_acs_sets_is_read_exactly():
    assert from_acs(wrap(setting(struct(NAME + VALUE)))) == WRITTEN
    spaced = VALUE.replace(">v<", "> v\r\n<")
    assert from_acs(wrap(setting(struct(NAME + spaced)))).values[0].value == " v\n"


def test_attributes_that_are_to_change_must_be_given():
    rpc = (
        "<c:SetParameterAttributes><ParameterList><SetParameterAttributesStruct><Name>Device.A</Name>"
        "<NotificationChange>1</NotificationChange><AccessListChange>0</AccessListChange>"
        "</SetParameterAttributesStruct></ParameterList></c:SetParameterAttributes>"
    )
    with pytest.raises(BadEnvelope, match="does not give"):
        from_acs(wrap(rpc))


@pytest.mark.parametrize(("change", "access"), [("0", None), ("1", ("Subscriber",))])
def test_a_notification_that_is_not_changed_may_be_empty(change, access):
    rpc = (
        "<c:SetParameterAttributes><ParameterList><SetParameterAttributesStruct><Name>Device.A</Name>"
        f"<NotificationChange>0</NotificationChange><Notification> </Notification><AccessListChange>{change}"
        "</AccessListChange><AccessList><string>Subscriber</string></AccessList>"
        "</SetParameterAttributesStruct></ParameterList></c:SetParameterAttributes>"
    )
    assert from_acs(wrap(rpc)) == m.SetParameterAttributes((m.Attribute("Device.A", None, access),))
    with pytest.raises(BadEnvelope, match="does not give"):
        from_acs(wrap(rpc.replace("<NotificationChange>0", "<NotificationChange>1")))


@pytest.mark.parametrize("method", ["ChangeDUState", "GetOptions", "SetVouchers", "X_00D09E_Anything", "SetParam"])
def test_other_rpcs_of_an_acs_are_known_by_name_only_and_never_written(method):
    message = from_acs(wrap(f"<c:{method}><Operations><a>1</a></Operations></c:{method}>"))
    assert message == m.OtherRpc(method)
    with pytest.raises(BadEnvelope, match="never sent on"):
        encode(Envelope("1", NS, message))


# --- what real CPEs send ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minor", range(6))
def test_the_namespace_is_echoed_whichever_it_is(minor):
    namespace = f"urn:dslforum-org:cwmp-1-{minor}"
    read = from_cpe(wrap("<c:RebootResponse/>", namespace=namespace))
    assert read.namespace == namespace
    assert f'"{namespace}"'.encode() in encode(read)


@pytest.mark.parametrize("year", ["2001", "1999"])
def test_types_are_read_in_the_old_namespace_too(year):
    old = f'xmlns:x="http://www.w3.org/{year}/XMLSchema-instance" xmlns:y="http://www.w3.org/{year}/XMLSchema"'
    rpc = (
        "<c:GetParameterValuesResponse><ParameterList><ParameterValueStruct><Name>Device.A</Name>"
        f'<Value {old} x:type="y:boolean">1</Value></ParameterValueStruct></ParameterList>'
        "</c:GetParameterValuesResponse>"
    )
    assert from_cpe(wrap(rpc)).message == m.Values((m.ParameterValue("Device.A", "true", "xsd:boolean"),))


def test_the_namespace_of_a_fault_is_that_of_its_detail_else_of_its_id():
    bare = "<s:Fault><faultcode>Server</faultcode><faultstring>bad</faultstring></s:Fault>"
    assert from_cpe(wrap(bare, namespace="urn:dslforum-org:cwmp-1-2")).namespace == "urn:dslforum-org:cwmp-1-2"
    assert from_cpe(wrap(bare, header="")).namespace == NS
    assert from_cpe(wrap(bare)).message == m.Fault(9002, "bad")
    assert from_acs(wrap(bare)) == m.Fault(8002, "bad")


@pytest.mark.parametrize("prefix", ["", "s:"])
def test_a_fault_with_parameters(prefix):
    rpc = (
        f"<s:Fault><{prefix}faultcode>Client</{prefix}faultcode><{prefix}faultstring>CWMP fault</{prefix}faultstring>"
        f"<{prefix}detail><c:Fault><FaultCode> 9003\n</FaultCode><FaultString>Invalid</FaultString>"
        "<SetParameterValuesFault><ParameterName>Device.A</ParameterName><FaultCode>9008</FaultCode>"
        f"<FaultString>ro</FaultString></SetParameterValuesFault></c:Fault></{prefix}detail></s:Fault>"
    )
    assert from_cpe(wrap(rpc)).message == m.Fault(9003, "Invalid", (m.ParameterFault("Device.A", 9008, "ro"),))


@pytest.mark.parametrize(
    "again",
    ["<FaultCode>9001</FaultCode>", "</c:Fault><c:Fault><FaultCode>9001</FaultCode>"],
)
def test_a_fault_with_two_codes_is_refused(again):
    rpc = f"<s:Fault><detail><c:Fault><FaultCode>9000</FaultCode>{again}</c:Fault></detail></s:Fault>"
    with pytest.raises(BadEnvelope, match="more than one"):
        from_cpe(wrap(rpc))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('xsi:type="xsd:boolean">1', ("true", "xsd:boolean")),
        ('xsi:type="xsd:boolean">\n False \n', ("false", "xsd:boolean")),
        ('xsi:type="xsd:boolean">TRUE', ("true", "xsd:boolean")),
        ('xsi:type="xsd:boolean">perhaps', ("perhaps", "xsd:boolean")),
        ('xsi:type="xsd:unsignedInt">\n  12\n', ("12", "xsd:unsignedInt")),
        ('xsi:type="unsignedint">12', ("12", "xsd:unsignedInt")),
        ('xsi:type="other:dateTime">2026-01-02T03:04:05.000Z', ("2026-01-02T03:04:05.000Z", "xsd:dateTime")),
        ('xsi:type="e:base64">AA==', ("AA==", "soap-enc:base64")),
        ('xsi:type="xsd:string">\n  keep \n', ("\n  keep \n", "xsd:string")),
        (">no type", ("no type", "xsd:string")),
        ('xsi:type="c:Anything"> odd ', (" odd ", "xsd:string")),
        ('xsi:type="xsd:string"><![CDATA[<a>&amp;]]>', ("<a>&amp;", "xsd:string")),
        ('xsi:type="xsd:string">a&lt;&amp;&#10;&#13;b', ("a<&\n\rb", "xsd:string")),
        ('xsi:nil="true">', ("", "xsd:string")),
    ],
)
def test_values_in_all_forms(written, read):
    body = wrap(answer(struct(f"{NAME}<Value {written}</Value>".replace("Value >", "Value>"))))
    assert value_of(body) == m.ParameterValue("Device.A", *read)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"a\x01b\x1fc", "a\ufffdb\ufffdc"),
        (b"M\xfcller", "M\ufffdller"),
        (b"a&#x1;b&#65535;c&#55296;d&#99999999;e", "a\ufffdb\ufffdc\ufffdd\ufffde"),
        (b"a&#x41;\0", "aA\ufffd"),
        ("ok \U0001f600 ".encode() + b"\xed\xa0\x80", "ok \U0001f600 \ufffd\ufffd\ufffd"),
    ],
)
def test_a_cpe_s_odd_characters_are_replaced_and_the_raw_bytes_are_proven(raw, read):
    body = wrap(answer(struct(NAME + "<Value>@</Value>"))).encode().replace(b"@", raw)
    envelope = from_cpe(body)
    assert envelope.repaired
    assert envelope.raw_sha256 == hashlib.sha256(body).digest()
    assert envelope.message == m.Values((m.ParameterValue("Device.A", read),))


def test_a_nul_behind_is_left_away_and_a_good_body_is_not_called_repaired():
    good = wrap(answer(struct(NAME + VALUE)))
    assert from_cpe(good + "\0\0").repaired
    assert not from_cpe(good).repaired
    assert from_cpe(good).raw_sha256 is None


@pytest.mark.parametrize(
    ("codec", "content_type", "declared"),
    [
        ("utf-8", 'text/xml; charset="utf-8"', ""),
        ("latin-1", "text/xml; charset=ISO-8859-1", ""),
        ("latin-1", "text/xml", "iso-8859-1"),
        ("cp1252", "text/xml;CHARSET='windows-1252'", "utf-8"),
        ("utf-8", "text/xml; charset=utf8", "iso-8859-1"),
        ("utf-16", "text/xml; charset=utf-8", "utf-8"),
        ("utf-16-le", "text/xml; charset=utf-16le", ""),
        ("gb18030", "text/xml; charset=gb18030", ""),
        ("utf-8-sig", "text/xml; charset=iso-8859-1", ""),
    ],
)
def test_charsets_by_mark_header_and_declaration(codec, content_type, declared):
    text = wrap(answer(struct(NAME + "<Value>Müller</Value>")))
    if declared:
        text = f'<?xml version="1.0" encoding="{declared}"?>' + text
    assert value_of(text.encode(codec), content_type).value == "Müller"


@pytest.mark.parametrize("name", ["utf-7", "utf-16", "ucs-4", "x-user-defined", "rot13", "idna"])
def test_other_charsets_are_refused_by_name(name):
    with pytest.raises(BadEnvelope, match=name):
        from_cpe(wrap("<c:RebootResponse/>"), f"text/xml; charset={name}")


INFORM = (
    "<c:Inform><DeviceId><Manufacturer>M</Manufacturer><OUI> 00D09E\n</OUI><ProductClass>P</ProductClass>"
    "<SerialNumber>S1</SerialNumber></DeviceId>"
    '<Event e:arrayType="c:EventStruct[3]"><EventStruct><EventCode>0 BOOTSTRAP</EventCode><CommandKey/></EventStruct>'
    "<EventStruct><EventCode>M Reboot</EventCode><CommandKey>\n    k1\n  </CommandKey></EventStruct></Event>"
    "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-01-02T03:04:05Z</CurrentTime><RetryCount>2</RetryCount>"
    f"<ParameterList>{struct(NAME + VALUE)}</ParameterList></c:Inform>"
)


def test_an_inform():
    headers = (
        "<c:ID s:mustUnderstand='1'>\n  42\n </c:ID><c:HoldRequests>0</c:HoldRequests><c:NoMoreRequests>1"
        "</c:NoMoreRequests><c:SessionTimeout>30</c:SessionTimeout><c:SupportedCWMPVersions>1.0,1.4"
        "</c:SupportedCWMPVersions>"
    )
    read = from_cpe(wrap(INFORM, header=headers))
    assert read.id == "42"
    assert read.message == m.Inform(
        manufacturer="M",
        device=DeviceId(oui="00D09E", product_class="P", serial="S1"),
        events=(m.Event("0 BOOTSTRAP"), m.Event("M Reboot", "k1")),
        current_time="2026-01-02T03:04:05Z",
        retry_count=2,
        parameters=(m.ParameterValue("Device.A", "v"),),
    )
    assert read.warnings == ("Event says another number of members than it has",)


@pytest.mark.parametrize(
    "part", ["RetryCount", "CurrentTime", "Event", "ParameterList", "MaxEnvelopes", "ProductClass", "Manufacturer"]
)
def test_an_inform_without_one_part_is_an_inform(part):
    start, end = INFORM.index(f"<{part}"), INFORM.index(f"</{part}>") + len(part) + 3
    message = from_cpe(wrap(INFORM[:start] + INFORM[end:])).message
    assert isinstance(message, m.Inform)


@pytest.mark.parametrize("array", ["Event", "ParameterList"])
def test_an_inform_with_more_members_than_any_has_is_refused_before_they_are_read(array):
    end = INFORM.index(f"</{array}>")
    from_cpe(wrap(INFORM[:end] + "<a/>" * (MOST_OF_INFORM - 4) + INFORM[end:]))
    with pytest.raises(BadEnvelope, match=f"{array} of the Inform has more than {MOST_OF_INFORM} members"):
        from_cpe(wrap(INFORM[:end] + "<a/>" * (MOST_OF_INFORM + 1) + INFORM[end:]))


@pytest.mark.parametrize("part", ["DeviceId", "OUI", "SerialNumber"])
def test_an_inform_of_nobody_is_refused(part):
    start, end = INFORM.index(f"<{part}"), INFORM.index(f"</{part}>") + len(part) + 3
    with pytest.raises(BadEnvelope, match="nobody knows which CPE"):
        from_cpe(wrap(INFORM[:start] + INFORM[end:]))
    with pytest.raises(BadEnvelope, match="more than 64"):
        from_cpe(wrap(INFORM.replace("S1", "S" * 65)))


@pytest.mark.parametrize(
    ("rpc", "message"),
    [
        ("<c:TransferComplete/>", m.TransferComplete(fault_code=None)),
        ("<c:TransferComplete><FaultStruct/></c:TransferComplete>", m.TransferComplete(fault_code=None)),
        ("<c:DownloadResponse/>", m.Done("Download", 1)),
        ("<c:SetParameterValuesResponse/>", m.Done("SetParameterValues")),
        (
            "<c:SetParameterValuesResponse><Status>x</Status></c:SetParameterValuesResponse>",
            m.Done("SetParameterValues"),
        ),
        ("<c:AddObjectResponse/>", m.Done("AddObject")),
        ("<c:GetParameterNamesResponse/>", m.Names(())),
        (
            (
                "<c:GetParameterNamesResponse><ParameterList><ParameterInfoStruct><Name>Device</Name></ParameterInfoStruct>"
                "</ParameterList></c:GetParameterNamesResponse>"
            ),
            m.Names((m.ParameterInfo("Device", writable=False),)),
        ),
    ],
)
def test_what_is_missing_gets_a_default_and_a_warning(rpc, message):
    read = from_cpe(wrap(rpc))
    assert read.message == message
    assert read.warnings


def test_warnings_are_few_and_show_no_value():
    structs = [struct(f"<Name>Device.{n}</Name><Value>secret{n}</Value><Odd{n}/>") for n in range(100)]
    read = from_cpe(wrap(answer(*structs)))
    assert 0 < len(read.warnings) <= 16
    assert "secret" not in "".join(read.warnings)


@pytest.mark.parametrize("method", sorted(CPE_REQUESTS))
def test_other_requests_of_a_cpe_reach_the_acs_as_the_schema_has_them(method):
    read = from_cpe(wrap(f"<c:{method}><Evil>x</Evil></c:{method}>"))
    assert read.message == m.CpeRequest(method)
    assert b"Evil" not in encode(read)


@pytest.mark.parametrize("rpc", ["<c:ChangeDUStateResponse/>", "<c:NeverAskedResponse/>", f"<c:{'x' * 65}/>"])
def test_answers_to_what_is_never_asked_are_refused(rpc):
    with pytest.raises(BadEnvelope):
        from_cpe(wrap(rpc))


# --- writing ----------------------------------------------------------------------------------------------------------


def test_the_answer_to_an_inform():
    body = encode(Envelope("a&b", "urn:dslforum-org:cwmp-1-2", m.Done("Inform")))
    assert b'xmlns:cwmp="urn:dslforum-org:cwmp-1-2"' in body
    assert b'<cwmp:ID soap-env:mustUnderstand="1">a&amp;b</cwmp:ID>' in body
    assert b"<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>" in body
    assert b"Header" not in encode(Envelope(None, NS, m.Done("Inform")))


def test_a_page_for_the_customer_s_browser_never_passes():
    rpc = "<c:KickedResponse><NextURL>http://example.org/</NextURL></c:KickedResponse>"
    message = from_acs(wrap(rpc))
    assert b"<NextURL></NextURL>" in encode(Envelope("1", NS, message))


@pytest.mark.parametrize("form", ["true", "1"])
def test_booleans_and_times_are_written_as_the_model_wants(form):
    values = (
        m.ParameterValue("Device.A", "true", "xsd:boolean"),
        m.ParameterValue("Device.B", "0", "xsd:boolean"),
        m.ParameterValue("Device.C", "2026-01-02T03:04:05.678+01:00", "xsd:dateTime"),
        m.ParameterValue("Device.D", "true 1.5Z", "xsd:string"),
    )
    quirks = Quirks(boolean_form=form, strip_milliseconds=form == "1")
    body = encode(Envelope("1", NS, m.SetParameterValues(values)), quirks=quirks).decode()
    yes, no = ("true", "false") if form == "true" else ("1", "0")
    assert f'"xsd:boolean">{yes}<' in body
    assert f'"xsd:boolean">{no}<' in body
    assert ("05.678+01:00" in body) is (form == "true")
    assert "true 1.5Z" in body
    assert f"<NextLevel>{yes}<" in encode(Envelope("1", NS, m.GetParameterNames("", True)), quirks=quirks).decode()


@pytest.mark.parametrize("text", ["\0", "a\x0bb", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_hold_is_never_written(text):
    for message in (
        m.SetParameterValues((m.ParameterValue("Device.A", text),)),
        m.GetParameterValues((text,)),
        m.Reboot(text),
        m.Fault(9001, text),
    ):
        with pytest.raises(BadEnvelope, match=f"U\\+{ord(text.strip('ab')):04X}"):
            encode(Envelope("1", NS, message))
    with pytest.raises(BadEnvelope):
        encode(Envelope(text, NS, m.FactoryReset()))


@pytest.mark.parametrize("namespace", ["", "urn:x", 'urn:dslforum-org:cwmp-1-0" x="', "urn:dslforum-org:cwmp-"])
def test_a_namespace_cannot_carry_anything_else(namespace):
    with pytest.raises(BadEnvelope, match="namespace"):
        encode(Envelope("1", namespace, m.FactoryReset()))


@pytest.mark.parametrize("kind", ["", "string", 'xsd:string" x="', "xsd:", "cwmp:A"])
def test_a_type_cannot_carry_anything_else(kind):
    with pytest.raises(BadEnvelope, match="type"):
        encode(Envelope("1", NS, m.SetParameterValues((m.ParameterValue("Device.A", "v", kind),))))


@pytest.mark.parametrize("method", ["", "a b", "a><b", "x" * 65])
def test_a_method_cannot_carry_anything_else(method):
    with pytest.raises(BadEnvelope):
        encode(Envelope("1", NS, m.CpeRequest(method)))
    with pytest.raises(BadEnvelope):
        encode(Envelope("1", NS, m.Done(method)))


# --- answers to requests ----------------------------------------------------------------------------------------------

PAIRS = [
    (m.GetRPCMethods(), m.Methods(())),
    (m.GetParameterValues(()), m.Values(())),
    (m.GetParameterNames("", next_level=False), m.Names(())),
    (m.GetParameterAttributes(()), m.Attributes(())),
    (m.GetQueuedTransfers(), m.Transfers(())),
    (m.GetQueuedTransfers(all=True), m.Transfers((), all=True)),
    (m.SetParameterValues(()), m.Done("SetParameterValues", 1)),
    (m.SetParameterAttributes(()), m.Done("SetParameterAttributes")),
    (m.AddObject("Device.X."), m.Done("AddObject", 0, 1)),
    (m.DeleteObject("Device.X.1."), m.Done("DeleteObject")),
    (m.Reboot(), m.Done("Reboot")),
    (m.FactoryReset(), m.Done("FactoryReset")),
    (m.ScheduleInform(1), m.Done("ScheduleInform")),
    (m.CancelTransfer(""), m.Done("CancelTransfer")),
    (m.Download(command_key="", file_type="", url=""), m.Done("Download", 1)),
    (m.Upload(command_key="", file_type="", url=""), m.Done("Upload")),
    (m.ScheduleDownload(command_key="", file_type="", url=""), m.Done("ScheduleDownload")),
]


@pytest.mark.parametrize(("request_", "right"), PAIRS, ids=[method_of(pair[0]) for pair in PAIRS])
def test_only_its_own_answer_answers_a_request(request_, right):
    assert check_answer(method_of(request_), right) is right
    assert method_of(right) == f"{method_of(request_)}Response"
    fault = m.Fault(9001, "no")
    assert check_answer(method_of(request_), fault) is fault
    inform = m.Inform(manufacturer="", device=DeviceId(oui="0", product_class="", serial="1"), events=())
    for wrong in [answer for _, answer in PAIRS if answer != right] + [inform, m.CpeRequest("Kicked"), request_]:
        with pytest.raises(BadEnvelope):
            check_answer(method_of(request_), wrong)


@pytest.mark.parametrize(
    "wrong", [m.Done("AddObject"), m.Done("AddObject", 0, 0), m.Done("AddObject", 0, -1), m.Done("AddObject", 2, 1)]
)
def test_an_added_object_has_a_number_and_a_status(wrong):
    with pytest.raises(BadEnvelope):
        check_answer("AddObject", wrong)


# --- bounds -----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    return wrap(f"<c:RebootResponse>{'<a>' * depth}{'</a>' * depth}</c:RebootResponse>")


BOUNDS = {
    "bytes": b" " * (xml_tree.MOST_BYTES + 1),
    "depth": nested(xml_tree.MOST_DEPTH).encode(),
    "far too much depth": nested(100_000).encode(),
    "tags": wrap("<a/>" * xml_tree.MOST_TAGS).encode(),
    "attributes": wrap("<a b=''/>" * (xml_tree.MOST_ATTRIBUTES + 1)).encode(),
    "attributes of one element": b"<a " + b" ".join(b"a%d=''" % n for n in range(100_001)) + b"/>",
    "a long name": wrap(f"<{'n' * 60_000}/>").encode(),
    "a long namespace": wrap(f'<n xmlns="{"n" * 1_000_000}">{"<a/>" * 100_000}</n>').encode(),
    "comments before": b"<!---->  " * 800_000 + b"<!",
}


@pytest.mark.parametrize("body", BOUNDS.values(), ids=BOUNDS.keys())
@pytest.mark.timeout(20)
def test_bounds(body):
    with pytest.raises(BadEnvelope):
        decode(body, sender="cpe")


def test_the_deepest_that_is_read():
    assert from_cpe(nested(xml_tree.MOST_DEPTH - 3)).message == m.Done("Reboot")


@pytest.mark.parametrize(("levels", "read"), [(xml_tree.MOST_DEPTH, True), (xml_tree.MOST_DEPTH + 1, False)])
def test_the_fewest_tags_that_are_too_deep(levels: int, read: bool):
    body = b"<a>" * (levels - 1) + b"<a/>" + b"</a>" * (levels - 1)
    with contextlib.nullcontext() if read else pytest.raises(BadEnvelope, match="nested"):
        assert xml_tree.read_document(body).root.tag == "a"


FULL = """
import resource
from drivers.cwmp.codec.envelope import decode
start = b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:c="urn:dslforum-org:cwmp-1-0"><e:Body>'
one = b"<ParameterValueStruct><Name>Device.Hosts.Host.1.X</Name><Value>0123456789</Value></ParameterValueStruct>"
count = (8 * 1024 * 1024 - 1000) // len(one)
rpc = b"c:GetParameterValuesResponse><ParameterList>@</ParameterList></c:GetParameterValuesResponse>"
body = start + b"<" + rpc.replace(b"@", one * count) + b"</e:Body></e:Envelope>"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(decode(body, sender="cpe").message.values) == count
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_full_answer_of_eight_megabytes_is_read_within_bounded_memory():
    """In a process of its own: most of it is the parser's, which Python does not count."""
    ran = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True, timeout=60)
    assert int(ran.stdout) < 200, "MiB"


class _Steps:
    """Counts calls of functions in this thread: work that grows faster than the input shows here, not on a clock."""

    def __enter__(self) -> "_Steps":
        self.count = 0
        sys.setprofile(self._step)
        return self

    def _step(self, *_: object) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)


@pytest.mark.parametrize(
    "grown",
    [
        lambda n: wrap(answer(struct(NAME + VALUE) * n)),
        lambda n: wrap(answer(struct(NAME) * n)),
        lambda n: wrap(answer(struct(NAME + VALUE + "<Odd/>") * n)),
        lambda n: wrap(answer(*(struct(f"<Name>Device.{i}</Name><Value>\x01</Value>") for i in range(n)))),
        lambda n: wrap(f"<c:RebootResponse>{'<!-- -->' * n}</c:RebootResponse>"),
        lambda n: "<!-- -->" * n + wrap("<c:RebootResponse/>"),
    ],
)
def test_twice_the_input_is_at_most_twice_the_work(grown):
    counts = []
    for size in (1000, 2000):
        body = grown(size).encode()
        with _Steps() as steps:
            decode(body, sender="cpe")
        counts.append(steps.count)
    assert counts[1] <= 2.1 * counts[0] + 500


# --- names that the parser would keep ---------------------------------------------------------------------------------


def test_new_names_are_learned_up_to_a_bound_and_then_read_apart():
    words = Words(most=2)
    assert words.familiar(b"<ns9:Inform a='1'>")
    assert words.familiar(b"<ns9:Inform a='2'>")
    assert not words.familiar(b"<other/>")
    assert words.familiar(b"</ns9:Inform>")
    assert words.familiar(b"<ns9:Inform>&amp;&#10;&#xA0;</ns9:Inform>")


@pytest.mark.parametrize(
    "body",
    [
        b"<a x='>' evil='1'/>",
        b"<a>&evil;</a>",
        b"""<a p='"' x=">" evil=""/>""",
        b"<" + b"n" * 65 + b"/>",
        b"<a xmlns='urn:" + b"n" * 65 + b"'/>",
        b"<a " + b"b='' " * 2000 + b"/>",
    ],
)
def test_what_could_hide_a_name_is_not_familiar(body):
    assert not Words().familiar(body)


def test_all_names_of_the_protocol_are_known_from_the_start():
    words = Words(most=0)
    for message in [pair[0] for pair in PAIRS] + [pair[1] for pair in PAIRS]:
        body = encode(Envelope("1", NS, message))
        namespaces = body[: body.index(b"<soap-env:Body>")]
        assert words.familiar(body[len(namespaces) :]), method_of(message)


def test_a_document_of_invented_names_is_read_in_a_thread_that_ends():
    before = threading.active_count()
    for round_ in range(5):
        odd = "".join(f"<n{round_}x{n}/>" for n in range(1000))
        assert from_cpe(wrap(f"<c:RebootResponse>{odd}</c:RebootResponse>")).message == m.Done("Reboot")
    with pytest.raises(BadEnvelope):
        from_cpe(wrap("".join(f"<m{n}>" for n in range(3000))))
    assert threading.active_count() == before


def test_a_name_that_a_cpe_invents_is_in_no_sentence():
    twice = "<ann.example-0301234567><Name>A</Name><Name>B</Name></ann.example-0301234567>"
    with pytest.raises(BadEnvelope) as refused:
        from_cpe(
            wrap(f"<c:GetParameterValuesResponse><ParameterList>{twice}</ParameterList></c:GetParameterValuesResponse>")
        )
    assert str(refused.value) == "an element has more than one Name."


# --- namespaces that real programs get wrong --------------------------------------------------------------------------

NO_URI = r'xmlns:schemaLocation="urn:dslforum-org:cwmp-1-0 ..\schemas\wt121.xsd"'
"""What MosesACS and Oktopus write in each envelope, with their own prefix in place of xsi."""


def test_a_namespace_whose_name_is_no_uri_changes_nothing():
    plain = wrap(get("<string>Device.DeviceInfo.</string>"))
    odd = plain.replace("<s:Envelope ", f"<s:Envelope {NO_URI} ")
    assert from_acs(odd) == from_acs(plain)
    assert from_cpe(wrap(answer())).message == from_cpe(wrap(answer()).replace(SPACES, f"{SPACES} {NO_URI}")).message
    assert not from_cpe(wrap(answer()).replace(SPACES, f"{SPACES} {NO_URI}")).repaired


@pytest.mark.parametrize("tail", ["<", "</s:Envelope>", "&nbsp;", "\x01"])
def test_what_is_no_xml_is_refused_with_such_a_namespace_too(tail):
    body = wrap(get("<string>Device.</string>" + tail)).replace(SPACES, f"{SPACES} {NO_URI}")
    with pytest.raises(BadEnvelope):
        from_acs(body)


def test_what_is_no_xml_is_refused_behind_more_faults_than_a_parser_counts():
    many = '<p xmlns:a="b c"/>' * 500
    with pytest.raises(BadEnvelope):
        from_acs(wrap(get("<string>Device.</string>")).replace("<s:Header>", f"<s:Header>{many}<x>"))


@pytest.mark.parametrize("prefix", ["soap", "SOAP-ENV", "soapenv", "soap_env"])
def test_a_cpe_s_fault_under_a_prefix_that_it_never_declared(prefix):
    fault = (
        f"<{prefix}:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><c:Fault>"
        f"<FaultCode>9008</FaultCode><FaultString>read-only</FaultString></c:Fault></detail></{prefix}:Fault>"
    )
    found = from_cpe(wrap(fault))
    assert found.message == m.Fault(9008, "read-only")
    assert found.raw_sha256 == hashlib.sha256(wrap(fault).encode()).digest()
    with pytest.raises(BadEnvelope):
        from_acs(wrap(fault))


def test_types_under_a_prefix_that_a_cpe_never_declared():
    written = answer(struct('<Name>Device.A</Name><Value xsi:type="xsd:unsignedInt"> 7 </Value>'))
    body = wrap(written).replace('xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', "")
    assert from_cpe(body).message == m.Values((m.ParameterValue("Device.A", "7", "xsd:unsignedInt"),))


def test_one_attribute_by_two_prefixes_is_refused():
    both = '<Value xsi:type="xsd:string" i:type="xsd:int" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">7</Value>'
    body = wrap(answer(struct(f"<Name>Device.A</Name>{both}")))
    with pytest.raises(BadEnvelope, match="twice"):
        from_cpe(body.replace(' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', ""))


def test_an_unusual_prefix_that_nobody_declared_means_nothing():
    with pytest.raises(BadEnvelope):
        from_cpe(wrap("<quux:Fault><faultcode>Client</faultcode></quux:Fault>"))
