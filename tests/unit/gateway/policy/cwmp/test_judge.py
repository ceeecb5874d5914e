"""Lines of a CWMP router: one decision for every spelling, total, and nothing secret shown."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cwmp.line import Get, parse_canonical
from drivers.cwmp.paths import BadPath, canonical
from gateway.mediation.messages import confirmation
from gateway.policy.capabilities import CAPABILITIES, SCOPE
from gateway.policy.decide import decide
from gateway.policy.examples import examples
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE, as_typed
from gateway.policy.verdict import Allow, Deny, Position, Rights, Site
from tests.cwmp_rows import ALL, BUNDLE, HIDDEN, NOTHING, POLICY, context_of, judged


@pytest.mark.parametrize("path", HIDDEN)
def test_a_hidden_parameter_never_shows_its_value(path: str) -> None:
    path = path.replace("{i}", "1")
    for spelled in (path, path.lower(), path.upper(), path.replace(".1.", ".77.")):
        assert POLICY.gate.reading(spelled, ALL) in {"mask", "hide"}
        assert POLICY.profile.reading(spelled) in {"mask", "deny"}
        assert POLICY.gate.secret_write(spelled)
    written = judged(f"set {path} Tr0ub4dor", context_of(path))
    told = written.typed_shown + (written.shown if isinstance(written, Allow) else written.reason)
    assert "Tr0ub4dor" not in told
    head = path.rsplit(".", 1)[0] + "."
    whole = judged(f"get {head}", context_of(path))
    if isinstance(whole, Allow):
        command = parse_canonical(whole.canonical)
        assert POLICY.gate.reading(path, frozenset(command.caps)) in {"mask", "hide"}


# --- escapes ----------------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "Device.ManagementServer.URL",
    "Device.Firewall.DMZ.1.Enable",
    "Device.NAT.PortMapping.1.InternalClient",
    "Device.SSH.AuthorizedKey.1.Key",
    "Device.X_VENDOR_Thing.1.Enable",
    "Device.Services.StorageService.1.Enable",
    "InternetGatewayDevice.ManagementServer.URL",
    "InternetGatewayDevice.X_HW_Security.AclServices.TELNETWanEnable",
    "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.PortMapping.1.InternalClient",
]
PRIVATE = [
    "Device.USB.USBHosts.Host.1.Device.1.SerialNumber",
    "Device.DeviceInfo.Location.1.DataObject",
    "Device.SSH.AuthorizedKey.1.Key",
    "Device.Services.VoiceService.1.CallLog.1.CalledPartyNumber",
    "InternetGatewayDevice.DeviceConfig.ConfigFile",
    "InternetGatewayDevice.UserInterface.X_HW_WebUserInfo.1.UserName",
]


def variants(path: str) -> list[str]:
    """Other ways in which somebody may write a path."""
    head, _, tail = path.rpartition(".")
    parts = path.split(".")
    made = [path, path.lower(), path.upper(), path.swapcase(), path + ".", path + "..", "." + path, " " + path]
    made += [path.replace(".1.", form) for form in (".01.", ".001.", ".0x1.", ".+1.", ".*.", ".[1].", ".[a].", ".{i}.")]
    made += [path.replace(".", ".."), path.replace(".", "%2E"), path.replace(".", "/"), path.replace(".", "\uff0e")]
    made += [head + ".*", head + ".", parts[0] + ".", parts[0], "", "*", f"{head}.\u200b{tail}", f"{head}.{tail}\u00a0"]
    made += [path.replace("e", "\u0435"), path.replace("i", "\u0131"), path.replace("S", "\u017f"), f"{head}.{tail}\0"]
    made += [f'"{path}"', f"'{path}'", f'"{path}', f"\\{path}", f"{path};", f"{path}#", f"{path}?x", f"${path}"]
    made += [f"Device.X.{path}", path.replace("Device.", "Device.Services.", 1), f"{path} with config.read"]
    return list(dict.fromkeys(made))


@pytest.mark.parametrize("path", FORBIDDEN)
def test_no_spelling_of_a_forbidden_path_is_written(path: str) -> None:
    assert isinstance(judged(f"set {path} x", context_of(path)), Deny)
    for other in variants(path):
        for context in ("tr181", "tr098", ""):
            for line in (f"set {other} x", f"SET {other} x", f"add {other}", f"delete {other}",
                         f"set Device.WiFi.Radio.1.Channel 6 {other} x"):  # fmt: skip
                assert not isinstance(judged(line, context), Allow), line


@pytest.mark.parametrize("path", PRIVATE)
def test_no_spelling_of_a_private_path_is_read(path: str) -> None:
    assert isinstance(judged(f"get {path}", context_of(path)), Deny)
    for other in variants(path):
        for context in ("tr181", "tr098", ""):
            for line in (f"get {other}", f"names {other}", f"attributes {other}", f"get Device.DeviceInfo. {other}"):
                verdict = judged(line, context)
                if isinstance(verdict, Allow) and not verdict.help:
                    command = parse_canonical(verdict.canonical)
                    assert POLICY.gate.reading(path, frozenset(command.caps)) == "hide", line
                    spelled = [path.lower() for path in getattr(command, "paths", ())]
                    assert path.lower() not in spelled


def test_rights_cannot_be_typed() -> None:
    for line in ("get Device.WiFi. with config.read", "show hosts with lan.hosts.read", "undo with config.read",
                 "names with config.read", "get Device.Hosts. WITH lan.hosts.read", "reboot with config.read",
                 "set Device.WiFi.Radio.1.Channel 6 with config.read", "diagnose wifi with wifi.scan",
                 "set wifi channel 6 with config.read"):  # fmt: skip
        assert isinstance(judged(line), Deny), line
    quoted = judged('set Device.WiFi.SSID.1.SSID "x with config.read"', rights=Rights(
        scope=frozenset({"wifi.ssid.write"}), deadline=EVERYTHING.deadline))  # fmt: skip
    assert isinstance(quoted, Allow)
    assert parse_canonical(quoted.canonical).caps == ("wifi.ssid.write",)


def test_rights_in_the_line_are_those_of_the_consent() -> None:
    for scope in (frozenset(), frozenset({"config.read"}), frozenset({"lan.hosts.read", "config.read"})):
        rights = Rights(scope=scope, deadline=EVERYTHING.deadline)
        verdict = judged("get Device.", rights=rights)
        assert isinstance(verdict, Allow)
        assert set(parse_canonical(verdict.canonical).caps) == scope
        assert verdict.capability == "diagnose.read"


# --- total ------------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["get", "set", "names", "add", "delete", "show", "diagnose", "firmware", "undo", "reboot", "exit", "help", "?",
     "wifi",
     "channel", "11", "Device.", "Device.Hosts.", "Device.WiFi.Radio.1.Channel", "Device.ManagementServer.URL", "with",
     "config.read", "ping", "9.9.9.9", "192.168.1.1", "count", "5", '"', "'", "\\", ";", "|", "*", "home-1.2.bin", "\t"]
)  # fmt: skip
LINES = st.text(max_size=80) | st.lists(PIECES, max_size=7).map(" ".join)
SCOPES = st.frozensets(st.sampled_from(SCOPE))


@given(LINES, st.sampled_from(["tr181", "tr098", "", "?", "odd"]), SCOPES)
def test_every_line_gets_a_verdict(line: str, context: str, scope: frozenset[str]) -> None:
    rights = Rights(scope=scope, deadline=EVERYTHING.deadline)
    verdict = judged(line, context, rights=rights)
    if isinstance(verdict, Deny):
        assert verdict.reason
        assert verdict.kind in {"never", "unknown", "invalid", "scope"}
        assert (verdict.askable is not None) == (verdict.kind == "scope")
        return
    if verdict.help or not verdict.canonical:
        return
    command = parse_canonical(verdict.canonical)
    assert set(command.caps) <= scope | {"wifi.scan"}
    for name in verdict.capabilities:
        assert CAPABILITIES[name].kind != "never"
        assert CAPABILITIES[name].kind != "scope" or name in scope
    again = judged(as_typed(Position("cwmp", "exec", context), verdict), context, rights=rights)
    assert isinstance(again, Allow)
    assert (again.canonical, again.capability, again.confirm) == (
        verdict.canonical,
        verdict.capability,
        verdict.confirm,
    )


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=8, max_size=40).filter(lambda s: s.strip() == s))
def test_a_secret_is_in_the_sent_line_alone(secret: str) -> None:
    secret = f"Zq{secret}"
    for line in (f"set Device.WiFi.AccessPoint.1.Security.KeyPassphrase '{secret}'", f"set wifi password '{secret}'",
                 f"set Device.PPP.Interface.1.Password {secret}", f"set Device.Users.User.1.Password '{secret}",
                 f"sett Device.WiFi.AccessPoint.1.Security.KeyPassphrase {secret}"):  # fmt: skip
        verdict = judged(line)
        assert secret not in verdict.typed_shown
        assert secret not in (verdict.shown if isinstance(verdict, Allow) else verdict.reason + (verdict.hint or ""))
        assert secret not in repr(verdict)


def test_examples_of_the_table_are_lines_that_are_known() -> None:
    for example in examples(BUNDLE.tables["cwmp"]):
        mode, _, context = example.place.partition("/")
        verdict = decide(BUNDLE, TEST_SITE, Position("cwmp", mode, context), example.line, EVERYTHING, NOW)
        assert isinstance(verdict, Allow) or verdict.rule_id not in {"cwmp.default", "cwmp.lexer"}, example.line


# --- the rest of a verdict --------------------------------------------------------------------------------------------


def test_without_the_rows_of_parameters_nothing_goes() -> None:
    bare = replace(BUNDLE, cwmp=None)
    for line in ("show device", "exit", "set Device.ManagementServer.URL http://x/", ""):
        verdict = decide(bare, TEST_SITE, Position("cwmp", "exec", "tr181"), line, EVERYTHING, NOW)
        assert isinstance(verdict, Deny), line


def test_an_ended_consent_ends_everything() -> None:
    ended = Rights(scope=frozenset(SCOPE), deadline=EVERYTHING.deadline, ended="revoked")
    late = Rights(scope=frozenset(SCOPE), deadline=NOW - timedelta(seconds=1))
    for rights in (ended, late):
        verdict = judged("show device", rights=rights)
        assert isinstance(verdict, Deny)
        assert verdict.kind == "ended"


def test_nobody_knows_where_an_odd_prompt_stands() -> None:
    for context in ("?", "tr369"):
        verdict = judged("show device", context)
        assert isinstance(verdict, Deny)
        assert verdict.rule_id == "cwmp.position"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("shwo wifi", "Did you mean `show`?"),
        ("rebot", "Did you mean `reboot`?"),
        ("firmware x", "The list has: home-1.2.bin."),
    ],
)
def test_a_refusal_says_what_is_possible(line: str, hint: str) -> None:
    verdict = judged(line)
    assert isinstance(verdict, Deny)
    assert verdict.hint == hint


def test_software_that_is_not_listed() -> None:
    for line, kind in (
        ("firmware home-1.3.bin", "unknown"),
        ("firmware HOME-1.2.BIN", "unknown"),
        ("firmware http://198.51.100.8/home-1.2.bin", "never"),
    ):
        verdict = judged(line)
        assert isinstance(verdict, Deny)
        assert (verdict.kind, verdict.hint) == (kind, "The list has: home-1.2.bin."), line


def test_lines_that_leave() -> None:
    leaving = {line for line in ("exit", "quit", "LOGOUT", "reboot", "factory-reset", "undo", "firmware home-1.2.bin")
               if (verdict := judged(line)) and isinstance(verdict, Allow) and verdict.leaves}  # fmt: skip
    assert leaving == {"exit", "quit", "LOGOUT", "reboot", "factory-reset"}


def test_help_is_never_sent() -> None:
    for line in ("?", "help", "help show", "help what", "show ?", "get Device.WiFi.?"):
        verdict = judged(line, rights=NOTHING)
        assert isinstance(verdict, Allow)
        assert verdict.help
        assert verdict.canonical == ""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("set wifi channel", "set wifi channel"),
        ("set wifi channel 300", "set wifi channel 300"),
        ("set wifi 5ghz chanel 11", "set wifi 5ghz <redacted>"),
        ("set wifi 2 password geheim", "set wifi 2 password <redacted>"),
        ("set wifi pasword geheim-1234", "set wifi <redacted>"),
        ("set wifi password 123 geheim", "set wifi password <redacted>"),
        ("set wifi 123", "set wifi <redacted>"),
    ],
)
def test_a_line_that_was_not_understood_shows_no_more_than_its_words(line: str, shown: str) -> None:
    verdict = judged(line)
    assert isinstance(verdict, Deny)
    assert verdict.typed_shown == shown


def test_a_question_leaves_out_the_rights_that_the_gateway_adds() -> None:
    for line, asked in (("undo", "`undo` can"), ("set wifi power 80", "`set wifi power 80` can")):
        verdict = judged(line)
        assert isinstance(verdict, Allow)
        assert confirmation(verdict).startswith(asked)


def test_one_forbidden_name_refuses_the_whole_line() -> None:
    line = "set Device.WiFi.Radio.1.Channel 6 Device.WiFi.SSID.1.SSID Home Device.ManagementServer.URL http://x/"
    for rights in (EVERYTHING, NOTHING):
        verdict = judged(line, rights=rights)
        assert isinstance(verdict, Deny)
        assert verdict.capability == "mgmt.tamper"


def test_a_topic_shows_what_the_consent_covers() -> None:
    bare, full = judged("show wifi", rights=NOTHING), judged("show wifi")
    assert isinstance(bare, Allow)
    assert bare.canonical == "show wifi"
    assert isinstance(full, Allow)
    assert full.canonical == "show wifi with config.read"
    assert bare.capability == full.capability == "wifi.status.read"


def test_servers_and_files_are_those_of_the_site() -> None:
    nowhere = Site()
    for line in ("diagnose download http://speed.isp.example/x", "firmware home-1.2.bin",
                 "set Device.DNS.Client.Server.1.DNSServer 203.0.113.53"):  # fmt: skip
        assert isinstance(judged(line), Allow), line
        refused = judged(line, site=nowhere)
        assert isinstance(refused, Deny)
        assert refused.askable is None, line


def test_a_position_without_a_model_is_judged_as_both() -> None:
    for line in ("get Device.DeviceInfo.UpTime", "get InternetGatewayDevice.DeviceInfo.UpTime", "show line"):
        assert isinstance(judged(line, ""), Allow)
    wrong = judged("get InternetGatewayDevice.DeviceInfo.UpTime", "tr181")
    assert isinstance(wrong, Deny)
    assert wrong.kind == "unknown"


def test_paths_in_what_is_sent_are_in_their_one_spelling() -> None:
    verdict = judged("get   device.DeviceInfo.UpTime\tDEVICE.Time.")
    assert isinstance(verdict, Allow)
    command = parse_canonical(verdict.canonical)
    assert isinstance(command, Get)
    assert command.paths == ("Device.DeviceInfo.UpTime", "Device.Time.")
    for path in command.paths:
        try:
            assert canonical(path).text == path
        except BadPath:  # pragma: no cover - would be the failure
            pytest.fail(path)


def test_without_a_tick_devices_of_the_home_stay_unseen_though_the_provider_lets_them_be_listed_masked() -> None:
    masked = frozenset({"lan.hosts.read", "config.read"})
    rights = Rights(scope=frozenset(), masked=masked, deadline=EVERYTHING.deadline)
    for line in ("show hosts", "get Device.Hosts.", "get Device.Hosts.Host.1.HostName", "names Device.Hosts."):
        verdict = judged(line, rights=rights)
        assert isinstance(verdict, Deny), line
        assert verdict.askable == "lan.hosts.read"
    whole = judged("get Device.", rights=rights)
    undo = judged("undo", rights=rights)
    assert isinstance(whole, Allow)
    assert isinstance(undo, Allow)
    assert "lan.hosts.read" not in whole.canonical + undo.canonical
    assert "config.read" in whole.canonical


# --- a new instance with its values -----------------------------------------------------------------------------------

POOL = "Device.DHCPv4.Server.Pool."
RESERVATIONS = f"{POOL}1.StaticAddress."
SSIDS = "Device.WiFi.SSID."


def test_values_of_a_new_instance_are_judged_as_set_would_judge_them() -> None:
    for rights in (EVERYTHING, NOTHING, Rights(scope=frozenset({"wifi.ssid.write"}), deadline=EVERYTHING.deadline)):
        for table in (SSIDS, POOL, RESERVATIONS, "Device.NAT.PortMapping.", "Device.WiFi.AccessPoint."):
            bare = judged(f"add {table}", rights=rights)
            for pair in ("Enable true", "SSID Blue", "Security.KeyPassphrase Tr0ub4dor9", "DNSServers 8.8.8.8",
                         "Yiaddr 192.168.1.61", "Security.ModeEnabled None", "X_NOBODY_Knows 1"):  # fmt: skip
                name, value = pair.split(" ")
                written = judged(f"set {table}7.{name} {value}", rights=rights)
                both = judged(f"add {table} {pair}", rights=rights)
                assert isinstance(both, Allow) == (isinstance(bare, Allow) and isinstance(written, Allow)), pair
                if isinstance(both, Allow) and isinstance(written, Allow) and isinstance(bare, Allow):
                    assert set(both.capabilities) == {*bare.capabilities, *written.capabilities}
                    caps = {*parse_canonical(bare.canonical).caps, *parse_canonical(written.canonical).caps}
                    assert set(parse_canonical(both.canonical).caps) == caps
                    assert both.confirm == (bare.confirm or written.confirm)


def test_secret_values_of_a_new_instance_are_shown_nowhere() -> None:
    line = "add Device.WiFi.AccessPoint. Enable true Security.KeyPassphrase 'Tr0ub4dor 9'"
    for typed in (
        line,
        line.replace("Enable true", "Enable"),
        line.replace("Enable true", '"Enable true'),
        f"{line} X",
    ):
        verdict = judged(typed)
        assert "Tr0ub4dor" not in verdict.typed_shown
        assert "Tr0ub4dor" not in (verdict.shown if isinstance(verdict, Allow) else verdict.reason)
    verdict = judged(line)
    if isinstance(verdict, Allow):
        assert verdict.shown.startswith("add Device.WiFi.AccessPoint. Enable true Security.KeyPassphrase <redacted>")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"add {RESERVATIONS} Enable true enable false", "invalid"),
        (f"add {RESERVATIONS} Option. 1", "invalid"),
        (f"add {RESERVATIONS} Enable", "unknown"),
        (f"add {RESERVATIONS} Device.WiFi.SSID.1.SSID x", "invalid"),
        (f"add {RESERVATIONS} *.X 1", "invalid"),
        (f"add {RESERVATIONS}2. Enable true", "invalid"),
        (f"add {RESERVATIONS} " + " ".join(f"P{at} 1" for at in range(80)), "invalid"),
        (f"add {RESERVATIONS} with config.read", "invalid"),
    ],
)
def test_what_cannot_stand_behind_a_new_instance(line: str, kind: str) -> None:
    verdict = judged(line)
    assert isinstance(verdict, Deny)
    assert verdict.kind == kind, verdict


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("show", "There are: device, line, wan"),
        ("show device line", "There are: device, line, wan"),
        ("set Device.WiFi.Radio.1.Channel=11", "no equals sign"),
        ("set Device.WiFi.Radio.1.Channel = 11", "no equals sign"),
        ("ping 9.9.9.9", "Did you mean `diagnose ping`?"),
        ("traceroute 9.9.9.9", "Did you mean `diagnose trace`?"),
        ("gett Device.DeviceInfo.", "Did you mean `get`?"),
    ],
)
def test_what_was_probably_meant(line: str, hint: str) -> None:
    verdict = judged(line)
    assert isinstance(verdict, Deny)
    assert verdict.kind == "unknown"
    assert hint in (verdict.hint or "")


def test_names_are_those_below_an_object_with_or_without_its_dot() -> None:
    with_dot, without = judged("names Device.DeviceInfo."), judged("names Device.DeviceInfo")
    assert isinstance(with_dot, Allow)
    assert isinstance(without, Allow)
    assert without.canonical == with_dot.canonical
