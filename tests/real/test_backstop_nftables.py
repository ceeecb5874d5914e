"""The output rules of docs/howto/backstop-openwrt.md in a real kernel: the router opens no connection into the home.

Three network namespaces made here: home 192.168.1.10 ── 192.168.1.1 router 203.0.113.2 ── 203.0.113.1 provider. The
provider's end also answers DNS, and says of every name that it is 192.168.1.10.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real.ground import Ground

pytestmark = pytest.mark.system

SNIPPET = Path(__file__).resolve().parents[2] / "docs/howto/backstop/openwrt/no-pivot.nft"

# What OpenWrt's fw4 makes of firewall.config, as far as it concerns the router's own packets: the form is that of the
# rule sets in fw4's tests (tests/01_configuration/01_ruleset). fw4 itself does not run here.
FW4 = """table inet fw4 {
    chain output {
        type filter hook output priority filter; policy accept;
        oif "lo" accept
        ct state vmap { established : accept, related : accept }
        oifname "br-lan" jump output_lan
    }
    chain output_lan {
        meta l4proto tcp counter jump reject_to_lan comment "!fw4: gw-no-pivot"
        jump accept_to_lan
    }
    chain accept_to_lan {
        oifname "br-lan" counter accept
    }
    chain reject_to_lan {
        oifname "br-lan" counter jump handle_reject
    }
    chain handle_reject {
        meta l4proto tcp reject with tcp reset
        reject with icmpx type port-unreachable
    }
}
"""

# Echoes on TCP and UDP until killed; with a third argument also answers DNS: every A is that address.
_SERVER = """
import socket, sys, threading
address, port, named = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
def tcp():
    listener = socket.create_server((address, port), family=family)
    print("ready", flush=True)
    while True:
        connection = listener.accept()[0]
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
def serve(connection):
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)
def udp():
    listener = socket.socket(family, socket.SOCK_DGRAM)
    listener.bind((address, port))
    while True:
        data, peer = listener.recvfrom(100)
        listener.sendto(data, peer)
def dns():
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((address, 53))
    while True:
        query, peer = listener.recvfrom(512)
        end = query.index(b"\\0", 12) + 5
        found = query[end - 4:end - 2] == b"\\0\\1"
        answer = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4" + socket.inet_aton(named[0]) if found else b""
        head = query[:2] + b"\\x81\\x80\\0\\1" + (b"\\0\\1" if found else b"\\0\\0") + bytes(4)
        listener.sendto(head + query[12:end] + answer, peer)
for job in (udp, dns) if named else (udp,):
    threading.Thread(target=job, daemon=True).start()
tcp()
"""

# Says what became of one attempt: the text that came back, or the name of the error.
_CLIENT = """
import socket, sys
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
    if kind == "udp":
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.connect((socket.gethostbyname(host), port))
    else:
        line = socket.create_connection((host, port), timeout=3)
    line.settimeout(3)
    line.send(b"hello")
    print(line.recv(100).decode())
except OSError as error:
    print(type(error).__name__)
"""

# Connects, says so, waits for a file to appear, sends again.
_LASTING = """
import socket, sys, time
from pathlib import Path
host, port, sign = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
line = socket.create_connection((host, port), timeout=3)
line.sendall(b"before")
print(line.recv(100).decode(), flush=True)
while not sign.exists():
    time.sleep(0.05)
try:
    line.sendall(b"after")
    print(line.recv(100).decode(), flush=True)
except OSError as error:
    print(type(error).__name__, flush=True)
"""

HOME, ROUTER, PROVIDER, PORT = "192.168.1.10", "192.168.1.1", "203.0.113.1", 2222
HOME6, ROUTER6 = "fd00:1::10", "fd00:1::1"


@dataclass(frozen=True)
class Net:
    """The three namespaces' names."""

    ground: Ground
    home: str
    router: str
    provider: str

    def ask(self, namespace: str, kind: str, host: str) -> str:
        """One attempt from a namespace; names are asked of the provider's DNS server."""
        resolver = self.ground.directory / "resolv.conf"
        resolver.write_text(f"nameserver {PROVIDER}\noptions timeout:2 attempts:1\n")
        bound = f'mount --make-rprivate /; mount --bind {resolver} /etc/resolv.conf; exec "$@"'
        words = ("unshare", "--mount", "sh", "-ec", bound, "sh", sys.executable, "-I", "-c", _CLIENT)
        return self.ground.inside(namespace, *words, kind, host, str(PORT)).strip()

    def load(self, rules: Path) -> None:
        """Load rules on the router."""
        self.ground.inside(self.router, "nft", "-f", rules)


@pytest.fixture
def net(namespaces, require_program) -> Iterator[Net]:
    for program in ("nft", "unshare", "ping"):
        require_program(program)
    with Ground() as ground:
        home, router, provider = (ground.namespace(f"vst-nft-{name}-{ground.tag}") for name in ("h", "r", "p"))
        for device, here, far, there in (
            ("br-lan", f"{ROUTER}/24", home, f"{HOME}/24"),
            ("wan", "203.0.113.2/24", provider, f"{PROVIDER}/24"),
        ):
            ground.inside(router, *("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", far))
            ground.inside(router, "ip", "address", "add", here, "dev", device)
            ground.inside(router, "ip", "link", "set", device, "up")
            ground.inside(far, "ip", "address", "add", there, "dev", "eth0")
            ground.inside(far, "ip", "link", "set", "eth0", "up")
        for namespace, device, address in ((router, "br-lan", ROUTER6), (home, "eth0", HOME6)):
            ground.inside(namespace, "ip", "address", "add", f"{address}/64", "dev", device, "nodad")
        ground.inside(home, "ip", "route", "add", "default", "via", ROUTER)
        ground.inside(provider, "ip", "route", "add", "192.168.1.0/24", "via", "203.0.113.2")
        ground.inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for namespace, address, named in (
            *((home, HOME, ()), (home, HOME6, ()), (router, ROUTER, ()), (router, ROUTER6, ())),
            (provider, PROVIDER, (HOME,)),
        ):
            serve(ground, namespace, address, *named)
        yield Net(ground, home, router, provider)


def serve(ground: Ground, namespace: str, address: str, *named: str) -> None:
    log = f"server-{address}.log"
    words = ("ip", "netns", "exec", namespace, sys.executable, "-I", "-c", _SERVER, address, str(PORT), *named)
    ground.start(*words, log=log)
    ground.wait(lambda: "ready" in (ground.directory / log).read_text(), f"the server at {address}", log)


@pytest.fixture(params=["no-pivot.nft", "fw4"])
def rules(request, net) -> Path:
    if request.param == "no-pivot.nft":
        return SNIPPET
    written = net.ground.directory / "fw4.nft"
    written.write_text(FW4)
    return written


def test_without_the_rule_the_router_reaches_the_home(net):
    """Else the tests below would prove nothing."""
    assert net.ask(net.router, "tcp", HOME) == "hello"
    assert net.ask(net.router, "tcp", HOME6) == "hello"
    assert net.ask(net.router, "tcp", "speedtest.example.org") == "hello"


def test_the_router_opens_no_connection_into_the_home(net, rules):
    net.load(rules)
    assert net.ask(net.router, "tcp", HOME) == "ConnectionRefusedError"
    assert net.ask(net.router, "tcp", HOME6) == "ConnectionRefusedError"
    assert net.ask(net.router, "tcp", "192.168.266") == "ConnectionRefusedError"


def test_a_public_name_for_a_home_address_does_not_help(net, rules):
    net.load(rules)
    assert net.ask(net.router, "tcp", "speedtest.example.org") == "ConnectionRefusedError"


@pytest.mark.parametrize("host", [HOME, HOME6])
def test_the_addresses_count_also_on_a_device_of_another_name(net, host):
    renamed = net.ground.directory / "no-pivot.nft"
    renamed.write_text(SNIPPET.read_text().replace('"br-lan"', '"br-other"'))
    net.load(renamed)
    assert net.ask(net.router, "tcp", host) == "ConnectionRefusedError"


@pytest.mark.parametrize("host", [HOME, HOME6])
def test_the_device_counts_also_for_other_addresses(net, host):
    moved = net.ground.directory / "no-pivot.nft"
    moved.write_text(SNIPPET.read_text().replace("192.168.1.0/24", "10.9.9.0/24").replace("fd00::/8", "fc00::/8"))
    net.load(moved)
    assert net.ask(net.router, "tcp", host) == "ConnectionRefusedError"


def test_answers_to_the_home_still_arrive(net, rules):
    net.load(rules)
    assert net.ask(net.home, "tcp", ROUTER) == "hello"
    assert net.ask(net.home, "tcp", ROUTER6) == "hello"


def test_everything_else_passes(net, rules):
    net.load(rules)
    assert net.ask(net.router, "tcp", PROVIDER) == "hello"
    assert net.ask(net.router, "tcp", ROUTER) == "hello"
    assert net.ask(net.router, "udp", PROVIDER) == "hello"
    assert net.ask(net.router, "udp", HOME) == "hello"
    assert net.ask(net.home, "tcp", PROVIDER) == "hello"
    assert net.ask(net.provider, "tcp", HOME) == "hello"  # forwarding is the forward chain's business
    assert "1 received" in net.ground.inside(net.router, "ping", "-c", "1", HOME)


def test_the_table_can_be_loaded_twice_and_goes_as_a_whole(net):
    for _ in range(2):
        net.load(SNIPPET)
    listed = net.ground.inside(net.router, "nft", "list", "ruleset")
    assert listed.count("hook output") == 1
    net.ground.inside(net.router, "nft", "delete", "table", "inet", "gw_no_pivot")
    assert net.ask(net.router, "tcp", HOME) == "hello"


@pytest.mark.parametrize(
    ("start", "host", "after"), [("router", HOME, "ConnectionResetError"), ("home", ROUTER, "after")]
)
def test_a_connection_that_stands_ends_if_the_router_opened_it(net, start, host, after):
    sign, log = net.ground.directory / "sign", net.ground.directory / "lasting.log"
    namespace = net.router if start == "router" else net.home
    words = ("ip", "netns", "exec", namespace, sys.executable, "-I", "-c", _LASTING, host, str(PORT), sign)
    net.ground.start(*words, log=log.name)
    net.ground.wait(lambda: "before" in log.read_text(), "the connection", log.name)
    net.load(SNIPPET)
    sign.touch()
    net.ground.wait(lambda: len(log.read_text().split()) == 2, "the second answer", log.name)
    assert log.read_text().split()[1] == after
