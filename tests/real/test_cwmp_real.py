"""The front end for CPEs against HTTP, TLS and XML that are not ours: libcurl and expat below, lighttpd above.

libcurl is what many CPE programs stand on; lighttpd stands here before the provider's ACS, as a web server does in many
houses. CPE programs and ACSs themselves come in no package of Debian; see `docs/howto/tr069-in-front-of-an-acs.md`.
"""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from audit.entry import Kind
from drivers.cwmp.messages import Answer, GetParameterValues, Request, Values
from gateway.cwmp.scripted_acs import ScriptedAcs
from gateway.cwmp.upstream import UpstreamAcs, upstream_acs
from tests.cpe_certificates import TlsHouse
from tests.cwmp_house import PASSWORD, USER, CwmpHouse, acs_that_asks, ann, get, method_in, put, recorded_for
from tests.real.curl_cpe import CurlCpe
from tests.real.curl_easy import ANY, BASIC, DIGEST, Curl, CurlFailed
from tests.real.ground import Ground, free_port

RequireProgram = Callable[[str], Path]
UPTIME = "Device.DeviceInfo.UpTime"
SSID = "Device.WiFi.SSID.1.SSID"
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"


def tree(size: int = 0) -> dict[str, tuple[str, str]]:
    """What the CPE has; `size` parameters more make its answers long."""
    return {
        "Device.DeviceInfo.SoftwareVersion": ("xsd:string", "1.0"),
        UPTIME: ("xsd:unsignedInt", "4711"),
        SSID: ("xsd:string", "Anns & Bobs <WLAN>"),
        KEY: ("xsd:string", "correct horse"),
        "Device.ManagementServer.ConnectionRequestURL": ("xsd:string", "http://127.0.0.1:7547/abc"),
        "Device.ManagementServer.PeriodicInformInterval": ("xsd:unsignedInt", "300"),
        **{f"Device.Bridging.Bridge.{n}.Name": ("xsd:string", f"bridge {n}") for n in range(1, size + 1)},
    }


@asynccontextmanager
async def cpe_at(house: CwmpHouse, *, size: int = 0, **options: object) -> AsyncIterator[CurlCpe]:
    """A CPE on libcurl that signs in as the one in the inventory."""
    settings: dict[str, object] = {"user": USER, "password": PASSWORD, **options}
    curl = Curl(house.url.replace("127.0.0.1", "localhost"), **settings)  # type: ignore[arg-type]
    try:
        yield CurlCpe(curl, tree(size))
    finally:
        curl.close()


@pytest.fixture
def libcurl(leave_out: Callable[[str], None]) -> None:
    """libcurl can be loaded."""
    try:
        Curl("http://127.0.0.1:1/").close()
    except CurlFailed as error:
        leave_out(str(error))


async def console(house: CwmpHouse, cpe: CurlCpe, *asked: Request) -> list[Answer]:
    """What a console gets for `asked` in the CPE's next session, and that session to its end."""
    attaching = asyncio.create_task(house.hub.attach(house.cpes[0].router_id, seconds=10, wake=False))
    await asyncio.sleep(0)
    session = asyncio.create_task(asyncio.to_thread(cpe.session, "6 CONNECTION REQUEST"))
    link = await attaching
    answers = [await link.call(await recorded_for(house, one)) for one in asked]
    link.release()
    assert await session == 204
    return answers


@pytest.mark.parametrize("sign_in", [ANY, DIGEST, BASIC], ids=["any", "digest", "basic"])
@pytest.mark.parametrize("http_1_0", [False, True], ids=["1.1", "1.0"])
@pytest.mark.parametrize("cookies", [True, False], ids=["cookies", "none"])
async def test_libcurl_at_the_embedded_acs(libcurl: None, sign_in: int, http_1_0: bool, cookies: bool) -> None:
    async with CwmpHouse(None) as house, cpe_at(house, sign_in=sign_in, http_1_0=http_1_0, cookies=cookies) as cpe:
        cpe.parameters |= {
            "Device.ManagementServer.ConnectionRequestUsername": ("xsd:string", ""),
            "Device.ManagementServer.ConnectionRequestPassword": ("xsd:string", ""),
        }
        assert await asyncio.to_thread(cpe.session, "0 BOOTSTRAP", "1 BOOT") == 204
        known = house.directory.by_router(house.cpes[0].router_id)
        assert known is not None
        server = "Device.ManagementServer.ConnectionRequest"
        assert cpe.parameters[f"{server}Password"][1] == known.cr_password != ""
        (answer,) = await console(house, cpe, GetParameterValues((UPTIME, SSID)))
        assert isinstance(answer, Values)
        assert [one.value for one in answer.values] == ["4711", "Anns & Bobs <WLAN>"]


async def test_long_bodies_and_100_continue(libcurl: None) -> None:
    """libcurl says `Expect: 100-continue` before a body of more than 1 MiB and waits for it."""
    async with CwmpHouse(None, ann(cr_password="set")) as house, cpe_at(house, size=8000, compressed=True) as cpe:
        (answer,) = await console(house, cpe, GetParameterValues(("Device.",)))
        assert isinstance(answer, Values)
        assert len(answer.values) == len(cpe.parameters)


async def test_a_wrong_password_and_a_stranger(libcurl: None) -> None:
    async with CwmpHouse(None) as house:
        async with cpe_at(house, password="wrong") as cpe:
            assert await asyncio.to_thread(cpe.session) == 401
        async with cpe_at(house) as cpe:
            cpe.serial = "SOMEBODY"
            assert await asyncio.to_thread(cpe.session) == 401
        assert house.entries(Kind.CPE_INFORM) == []


@pytest.mark.parametrize("by", ["certificate", "password"])
async def test_tls(libcurl: None, tmp_path: Path, by: str) -> None:
    made = TlsHouse(tmp_path)
    certificate, key = made.issue("00D09E-DSL2800-ABC123")
    shown = {"user": "", "password": "", "certificate": certificate, "key": key} if by == "certificate" else {}
    known = ann(cr_password="set")
    async with (
        CwmpHouse(None, known, tls=made.server()) as house,
        cpe_at(house, ca_file=made.authority, **shown) as cpe,
    ):
        (answer,) = await console(house, cpe, GetParameterValues((UPTIME,)))
        assert isinstance(answer, Values)
        now = house.directory.by_router(known.router_id)
        assert now is not None
        assert now.identity == f"tls-{by}"


# --- mediator ---------------------------------------------------------------------------------------------------------


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def lighttpd(require_program: RequireProgram, tmp_path: Path) -> Iterator[Callable[[str], UpstreamAcs]]:
    """Starts lighttpd with TLS, Digest and compression before an ACS; where that then is."""
    program = require_program("lighttpd")
    made = TlsHouse(tmp_path)
    with Ground() as ground:

        def start(acs_url: str) -> UpstreamAcs:
            port, behind = free_port(), acs_url.split(":")[2].split("/")[0]
            ha1 = hashlib.md5(f"{USER}:acs:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
            (tmp_path / "users").write_text(f"{USER}:acs:{ha1}\n")
            pem = tmp_path / "both.pem"
            pem.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
            config = tmp_path / "lighttpd.conf"
            config.write_text(
                'server.modules = ("mod_auth", "mod_authn_file", "mod_proxy", "mod_openssl", "mod_deflate")\n'
                f'server.document-root = "{tmp_path}"\nserver.bind = "127.0.0.1"\nserver.port = {port}\n'
                f'ssl.engine = "enable"\nssl.pemfile = "{pem}"\n'
                f'auth.backend = "htdigest"\nauth.backend.htdigest.userfile = "{tmp_path / "users"}"\n'
                'auth.require = ("/cwmp" => ("method" => "digest", "realm" => "acs", "require" => "valid-user"))\n'
                f'proxy.server = ("/cwmp" => (("host" => "127.0.0.1", "port" => {behind})))\n'
                'deflate.mimetypes = ("text/")\ndeflate.allowed-encodings = ("gzip", "deflate")\n'
            )
            ground.start(program, "-D", "-f", config, log="lighttpd")
            ground.wait(lambda: _listens(port), "lighttpd", "lighttpd")
            return upstream_acs(f"https://localhost:{port}/cwmp", ca_file=made.authority)

        yield start


async def test_between_libcurl_and_an_acs_behind_lighttpd(
    libcurl: None, lighttpd: Callable[[str], UpstreamAcs]
) -> None:
    asks = (
        get(UPTIME, KEY), "<cwmp:FactoryReset/>", put({"Device.ManagementServer.PeriodicInformInterval": "600"}),
        put({"Device.ManagementServer.URL": "http://elsewhere.example/"}), get("Device.WiFi."),
        "<cwmp:Reboot><CommandKey>acs-1</CommandKey></cwmp:Reboot>",
    )  # fmt: skip
    async with (
        ScriptedAcs(acs_that_asks(*asks)) as acs,
        CwmpHouse(await asyncio.to_thread(lighttpd, acs.url)) as house,
        cpe_at(house) as cpe,
    ):
        assert await asyncio.to_thread(cpe.session, "2 PERIODIC") == 204
        assert [method for method, _ in cpe.rpcs] == [
            "GetParameterValues", "SetParameterValues", "GetParameterValues", "Reboot",
        ]  # fmt: skip
        assert cpe.parameters["Device.ManagementServer.PeriodicInformInterval"][1] == "600"
        assert [method_in(one.body) for one in acs.requests] == [
            "Inform", "", "GetParameterValuesResponse", "Fault", "SetParameterValuesResponse", "Fault",
            "GetParameterValuesResponse", "RebootResponse",
        ]  # fmt: skip
        told = b"".join(one.body for one in acs.requests)
        assert b"Anns &amp; Bobs &lt;WLAN&gt;" in told
        assert b"correct horse" not in told
        assert house.entries(Kind.CPE_EVENT) == []


async def test_lighttpd_without_its_acs(libcurl: None, lighttpd: Callable[[str], UpstreamAcs]) -> None:
    """A web server that answers for an ACS that is down says 503 in HTML."""
    async with ScriptedAcs(acs_that_asks()) as acs:
        upstream = await asyncio.to_thread(lighttpd, acs.url)
    async with CwmpHouse(upstream) as house, cpe_at(house) as cpe:
        assert await asyncio.to_thread(cpe.session) == 503
        assert any(line.lower().startswith("retry-after: ") for line in cpe.answers[-1].headers)
        assert house.entries(Kind.CPE_EVENT) == [{"what": "upstream_lost"}]
