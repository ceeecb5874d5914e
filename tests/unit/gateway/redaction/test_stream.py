"""The redactor: what is masked does not depend on how the text is cut; time is linear; nothing long leaks."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.redaction.devices import Devices
from gateway.redaction.rules import load_rules
from gateway.redaction.stream import AHEAD, MOST, Redactor
from gateway.redaction.what import EVERYTHING, What

PLATFORMS = ["ios", "openwrt", "junos", "routeros", "vyos", "huawei_vrp"]

JOINED = (
    'password~ password 7 0822455D0A16~key=~key=\'correct horse\'~"key": "a\\"b"~secret~ ~\t~\n~\r\n~'
    "\r~\\\n~\\\r\n    ~\"~'~\\~<Password>~</Password>~geheim~"
    "-----BEGIN RSA PRIVATE KEY-----~-----END RSA PRIVATE KEY-----~MIIEabcd~\\n~\x1b[1m~\x1b[0m~"
    "aa:bb:cc:00:00:01~aabb.cc00.0100~aabb-cc00-0100~01:aa:bb:cc:00:00:01~HWaddr ~10.0.0.7 ~"
    "DHCPACK(br-lan) 10.0.0.7 aa:bb:cc:00:00:01 Annas-iPhone~a\x08~\x08~!!!!!~. . .~12%~...~\xe9~\u0130~"
    " certificate self-signed 01\n~  30820122 0A0B0C0D\n~  \tquit\n~router-secret~router-~secret-~\n\n~"
    "ftp://bob:hunter2@host/~$9$abcdef~$1$a$b~snmp-server community abc RO~option key '~psk=\"~"
    "IP address  Hardware  Client Name\n~10.0.0.7    aabb    Annas-iPhone\n~# NAME PASSWORD PROFILE\n~"
    '1 a b c\n~wpa2-pre-shared-key=\\\n~    "abc def" x=y\n~set pre-shared-key="abc\\\n~'
    '   def" y=1\n~host-name=Anna '
)
WORDS = JOINED.split("~")
PIECES = st.one_of(
    st.sampled_from(WORDS),
    st.just("x" * 300),
    st.text(alphabet="ab:-.= \"'\\$%@#<>0179\r\n\t", max_size=12),
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)
CUTS = st.lists(st.integers(0, 5000), max_size=20)
OWN = ("router-secret-1",)


def whole(platform: str, text: str, what: What = EVERYTHING) -> str:
    redactor = Redactor(load_rules(platform), what, own=OWN)
    return redactor.feed(text) + redactor.flush()


def in_pieces(platform: str, text: str, cuts: list[int], *, ease: bool = False) -> str:
    redactor = Redactor(load_rules(platform), own=OWN)
    out, at = [], 0
    for cut in [*sorted(cut % (len(text) + 1) for cut in cuts), len(text)]:
        out.append(redactor.feed(text[at:cut]))
        if ease:
            out.append(redactor.ease())
        at = cut
    return "".join(out) + redactor.flush()


@pytest.mark.parametrize("platform", PLATFORMS)
@given(text=TEXTS, cuts=CUTS)
def test_cuts_make_no_difference(platform: str, text: str, cuts: list[int]) -> None:
    assert in_pieces(platform, text, cuts) == whole(platform, text)


@pytest.mark.parametrize("platform", ["ios", "openwrt"])
@given(text=TEXTS, times=st.integers(1, 40), cuts=CUTS)
def test_cuts_make_no_difference_in_lines_without_end(platform: str, text: str, times: int, cuts: list[int]) -> None:
    long = text.replace("\n", " ") * times
    assert in_pieces(platform, long, cuts) == whole(platform, long)


@pytest.mark.parametrize("platform", PLATFORMS)
@given(text=TEXTS, cuts=CUTS)
def test_what_is_shown_early_makes_no_difference(platform: str, text: str, cuts: list[int]) -> None:
    assert in_pieces(platform, text, cuts, ease=True) == whole(platform, text)


@given(text=TEXTS)
def test_each_character_alone(text: str) -> None:
    assert in_pieces("openwrt", text, list(range(len(text)))) == whole("openwrt", text)


@given(text=st.text(alphabet="abcdefghijlmnopqrtuvwxyz ,()!\r\n", max_size=500))
def test_text_without_a_hint_is_unchanged(text: str) -> None:
    free = text.replace("pa", "").replace("auth", "").replace("communit", "").replace("token", "").replace("client", "")
    assert whole("ios", free.replace("host", "")) == free.replace("host", "")


@pytest.mark.parametrize("quote", ['"', "'", ""])
@pytest.mark.parametrize("length", [10, MOST - 20, MOST, 3 * MOST, 200_000])
def test_a_long_value_is_masked_as_it_streams(quote: str, length: int) -> None:
    secret = "s3" * (length // 2)
    redactor = Redactor(load_rules("openwrt"))
    shown = "".join(
        redactor.feed(part) for part in (f"x.password={quote}", *cut(secret, 1000), f"{quote} y=1\r\nnext\r\n")
    )
    assert shown == f"x.password={quote}<redacted>{quote} y=1\r\nnext\r\n"


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def test_a_secret_behind_much_text_without_line_end() -> None:
    text = "word " * 3000 + "password=geheim1 " + "word " * 3000
    assert "geheim" not in whole("openwrt", text)
    assert in_pieces("openwrt", text, list(range(0, len(text), 7))) == whole("openwrt", text)


@pytest.mark.parametrize("offset", range(0, 400, 13))
def test_a_secret_where_a_line_is_cut(offset: int) -> None:
    text = "w" * (MOST - AHEAD - 200 + offset) + " password=geheim1 aa:bb:cc:00:00:01 router-secret-1 end"
    shown = whole("openwrt", text * 3)
    assert "geheim" not in shown
    assert "aa:bb" not in shown
    assert "router-secret" not in shown


def test_memory_is_bounded() -> None:
    redactor = Redactor(load_rules("openwrt"))
    for text in ("password='", "x" * 1_000_000, "'", "y" * 1_000_000):
        redactor.feed(text)
        assert len(redactor._line) <= MOST


def test_progress_is_shown_at_once() -> None:
    redactor = Redactor(load_rules("ios"))
    assert redactor.feed("Sending 5 echos:\r\n!!") == "Sending 5 echos:\r\n"
    assert redactor.ease() == "!!"
    assert redactor.feed("!.") == ""
    assert redactor.ease() == "!."
    assert redactor.ease() == ""
    assert redactor.feed("!\r\ndone\r\n") == "!\r\ndone\r\n"


@pytest.mark.parametrize("text", ["Building configuration...", "[#####>     ] 45% ", "\r 10%\r 20%"])
def test_other_progress(text: str) -> None:
    redactor = Redactor(load_rules("ios"))
    assert redactor.feed(text) + redactor.ease() == text


@pytest.mark.parametrize(
    "text", ["username bob password", "password: ", "aa:bb:cc", "Annas-iPhone", "key 12", "12", "$9$"]
)
def test_what_may_become_a_secret_waits(text: str) -> None:
    redactor = Redactor(load_rules("ios"))
    assert redactor.feed(text) + redactor.ease() == ""
    assert redactor.flush() == text.replace("key 12", "key 12")


def test_what_follows_a_flush_belongs_to_its_line() -> None:
    redactor = Redactor(load_rules("ios"))
    assert redactor.feed("username bob password 7 0822") + redactor.flush() == "username bob password 7 <redacted>"
    assert redactor.feed("455D0A16\r\n") == "\r\n"
    assert redactor.feed("Password:") + redactor.flush() == "Password:"
    assert redactor.feed(" hunter2\r\n") == " <redacted>\r\n"


def test_the_gateways_own_secret_is_masked_wherever_it_stands() -> None:
    redactor = Redactor(load_rules("ios"), own=("s3cret-Enable", "abc"))
    assert redactor.feed("R1>s3cret-Enable\r\nabc\r\n") == "R1><redacted>\r\nabc\r\n"
    assert redactor.feed("s3cr") + redactor.flush(more=True) == ""
    assert redactor.feed("et-Enable x\r\n") == "<redacted> x\r\n"


def test_devices_have_the_same_number_in_every_stream() -> None:
    devices = Devices()
    one, two = (Redactor(load_rules("openwrt"), devices=devices) for _ in range(2))
    assert one.feed("aa:bb:cc:00:00:01\naa:bb:cc:00:00:02\n") == "<device 1>\n<device 2>\n"
    assert two.feed("AABB-CC00-0002\naabb.cc00.0001\n") == "<device 2>\n<device 1>\n"
    two.begin("", What(devices=False))
    assert two.feed("AABB-CC00-0002\n") == "AABB-CC00-0002\n"


def test_a_name_has_the_number_of_its_address() -> None:
    redactor = Redactor(load_rules("openwrt"))
    redactor.feed("aa:bb:cc:00:00:09\n")
    line = "1700000000 aa:bb:cc:00:00:01 192.168.1.7 Annas-iPhone 01:aa:bb:cc:00:00:01\n"
    assert redactor.feed(line) == "1700000000 <device 2> 192.168.1.7 <device 2> <device 2>\n"
    assert redactor.feed('"hostname": "Annas-iPhone"\n') == '"hostname": "<device 2>"\n'


def test_more_devices_than_there_are_numbers() -> None:
    redactor = Redactor(load_rules("openwrt"))
    shown = redactor.feed("".join(f"aa:bb:cc:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}\n" for n in range(20_000)))
    assert "<device 4096>" in shown
    assert shown.endswith("<device>\n")


def test_the_wifi_key_may_be_shown_and_nothing_else() -> None:
    text = (
        "wireless.radio0.key='correct horse'\nnetwork.wan.password='geheim1'\n"
        "\toption key 'correct horse'\n\toption private_key 'AbCd='\n"
    )
    redactor = Redactor(load_rules("openwrt"), What(wifi_key=False))
    assert redactor.feed(text) == (
        "wireless.radio0.key='correct horse'\nnetwork.wan.password='<redacted>'\n"
        "\toption key 'correct horse'\n\toption private_key '<redacted>'\n"
    )


@pytest.mark.parametrize(
    ("command", "text", "shown"),
    [
        ("uci get wireless.default_radio0.key", "correct horse\n", "<redacted>\n"),
        ("uci -q get 'wireless.@wifi-iface[0].key'", "correct\n", "<redacted>\n"),
        ("uci get network.wan.password", "geheim1\n", "<redacted>\n"),
        ("uci get network.wan.password", "uci: Entry not found\n", "uci: Entry not found\n"),
        ("uci get network.wan.proto", "pppoe\n", "pppoe\n"),
    ],
)
def test_a_command_that_prints_a_secret_alone(command: str, text: str, shown: str) -> None:
    redactor = Redactor(load_rules("openwrt"))
    redactor.begin(command)
    assert redactor.feed(text) == shown
    redactor.begin(command)
    assert redactor.feed(text.rstrip()) + redactor.flush() == shown.rstrip()


def test_the_wifi_key_alone_may_be_shown_too() -> None:
    redactor = Redactor(load_rules("openwrt"), What(wifi_key=False))
    redactor.begin("uci get wireless.default_radio0.key")
    assert redactor.feed("correct horse\n") == "correct horse\n"
    redactor.begin("uci get network.wan.password")
    assert redactor.feed("geheim1\n") == "<redacted>\n"


PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nb3BlbnNzaC1rZXk\r\nAAAA\r\n-----END OPENSSH PRIVATE KEY-----\r\nnext\r\n"


def test_a_private_key_of_several_lines() -> None:
    want = "-----BEGIN OPENSSH PRIVATE KEY-----\r\n<redacted>\r\n-----END OPENSSH PRIVATE KEY-----\r\nnext\r\n"
    assert whole("openwrt", PEM) == want


def test_a_private_key_within_quotes() -> None:
    line = 'set x "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\nabcd\\n-----END RSA PRIVATE KEY-----\\n"\n'
    assert whole("junos", line) == 'set x "-----BEGIN RSA PRIVATE KEY-----<redacted>-----END RSA PRIVATE KEY-----\\n"\n'


def test_a_certificate_is_public_and_stays() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n"
    assert whole("openwrt", text) == text


def test_a_hex_dump_until_quit() -> None:
    text = " certificate self-signed 01\r\n  30820122 0A0B0C0D\r\n  0102\r\n  \tquit\r\n!\r\n"
    assert whole("ios", text) == " certificate self-signed 01\r\n  <redacted>\r\n  \tquit\r\n!\r\n"


def test_a_block_that_never_ends_ends_with_its_command() -> None:
    redactor = Redactor(load_rules("ios"))
    assert "abc" not in redactor.feed("-----BEGIN EC PRIVATE KEY-----\nabc\n" + "abc\n" * 10) + redactor.flush()
    redactor.begin("show version")
    assert redactor.feed("abc\n") == "abc\n"


def test_a_value_continued_in_the_next_line() -> None:
    text = (
        'set [ find default=yes ] supplicant-identity=r1 wpa2-pre-shared-key=\\\r\n    "correct horse" x=1\r\n'
        'add password="correct\\\r\n    \\ horse" y=1\r\nadd secret=\\\r\n    geheim service=l2tp\r\n'
    )
    shown = whole("routeros", text)
    assert "horse" not in shown
    assert "geheim" not in shown
    assert '    "<redacted>" x=1' in shown
    assert "    <redacted> service=l2tp" in shown
    assert shown.endswith("l2tp\r\n")


def test_columns() -> None:
    text = (
        "Columns: NAME, SERVICE, PASSWORD, PROFILE\r\n"
        "# NAME   SERVICE  PASSWORD   PROFILE\r\n0 bob    l2tp     geheim     default\r\n"
        "1 anna   l2tp     x y z      default\r\n\r\n"
        "# NAME   SERVICE\r\n0 bob    l2tp     geheim     default\r\n"
    )
    shown = whole("routeros", text).splitlines()
    assert shown[2] == "0 bob    l2tp     <redacted>     default"
    assert shown[3] == "1 anna   l2tp     <redacted>      default"
    assert shown[6] == "0 bob    l2tp     geheim     default"


def test_colours_do_not_hide_a_secret() -> None:
    shown = whole("openwrt", "x.\x1b[01;31m\x1b[Kpassword\x1b[m\x1b[K='\x1b[32mgeheim\x1b[0m1'\n")
    assert "geheim" not in shown
    assert shown.endswith("='\x1b[32m<redacted>'\n")


HOSTILE = [
    '"',
    "'",
    'password="',
    "key='",
    "password=",
    "key ",
    "username a password ",
    "aa:",
    "aa:bb:cc:00:00:01 ",
    "aabb.cc00.0100.",
    "<Password>",
    "://a:b",
    "://a:b@",
    "$1$",
    "eyJa.eyJ",
    "snmp-server user a b ",
    "-----BEGIN RSA PRIVATE KEY-----",
    "\\",
    " ",
    "\b",
    "\x1b[m",
    "secret\r",
    "community {",
    "%^%#",
]


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["ios", "openwrt", "huawei_vrp"])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_time_is_linear(platform: str, ending: str) -> None:
    """Ratios of one run only: sixteen times the text must not take a hundred times as long."""
    for hostile in HOSTILE:
        taken = []
        for size in (16 * 1024, 256 * 1024):
            text = (hostile * (80 // len(hostile) + 1) + ending) * (size // 80)
            best = min(_seconds(platform, text[:size]) for _ in range(2))
            taken.append(best)
        assert taken[1] <= max(100 * taken[0], 0.05), hostile


def _seconds(platform: str, text: str) -> float:
    redactor = Redactor(load_rules(platform), own=OWN)
    start = time.process_time()
    for part in cut(text, 8192):
        redactor.feed(part)
    redactor.flush()
    return time.process_time() - start


@pytest.mark.parametrize(
    ("platform", "text"),
    [
        ("openwrt", "network.wan.pa\x1b[1;31mss\x1b[mword='geheim'\n"),
        ("openwrt", "network.wan.pax\x08ssword='geheim'\n"),
        ("openwrt", "wireless.a.key='ab'\\''cd geheim'\n"),
        ("vyos", "set vpn ipsec authentication psk a secret 'ab'\\''geheim'\n"),
        ("routeros", "Columns: PASSWORD\r\n# PASSWORD\r\n0 geheim\r\n1 geheim\r\n"),
        (
            "junos",
            "  <community>\n    <name>geheim</name>\n    <authorization>read-only</authorization>\n  </community>\n",
        ),
        ("junos", '"community" : [\n {\n "name" : "geheim",\n "authorization" : "read-only"\n }\n ]\n'),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_forms_that_hide_what_announces_a_secret(platform: str, text: str, size: int) -> None:
    redactor = Redactor(load_rules(platform))
    shown = "".join(redactor.feed(text[at : at + size]) for at in range(0, len(text), size)) + redactor.flush()
    assert "geheim" not in shown
    assert "<redacted>" in shown


def test_an_answer_that_looks_like_an_error_of_another_kind_of_router() -> None:
    redactor = Redactor(load_rules("openwrt"))
    redactor.begin("uci get network.wan.password")
    assert redactor.feed("%geheim\n") == "<redacted>\n"
