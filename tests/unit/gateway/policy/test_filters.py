import pytest

from gateway.policy.filters import resolve
from gateway.policy.resolver import Stop
from gateway.policy.table import PolicyBundle


def run(bundle: PolicyBundle, platform: str, place: str, text: str) -> list[str] | Stop:
    table = bundle.tables[platform]
    line = table.lex(text)
    found = resolve(table, place, line.commands[0], line.text)
    return found if isinstance(found, Stop) else [match.canonical for match in found]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("show version | i up|down", "show version | include up|down"),
        ("show version|inc a", "show version | include a"),
        ("show version | count  a  b ", "show version | count a  b"),
        ("show version | i a | b", "show version | include a | b"),
    ],
)
def test_the_rest_of_the_line_belongs_to_one_filter(bundle: PolicyBundle, typed: str, sent: str) -> None:
    assert run(bundle, "ios", "privileged", typed) == [sent]


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("show version | foo x", "filter"),
        ("show version | include", "filter"),
        ("ping 9.9.9.9 | include x", "filter"),
        ("show version | red x", "never"),
        ("show version | tee", "never"),
        ("show version | include x | redirect tftp:x", "never"),
        ("show version | include x | t flash:x", "never"),
        ("nosuch | include x", "unknown"),
    ],
)
def test_other_filters_are_refused(bundle: PolicyBundle, typed: str, kind: str) -> None:
    found = run(bundle, "ios", "privileged", typed)
    assert isinstance(found, Stop)
    assert found.kind == kind


def test_a_text_may_hold_the_filter_sign(bundle: PolicyBundle) -> None:
    sent = run(bundle, "ios", "config/interface", "description LAN | redirect to 2nd floor")
    assert sent == ["description LAN | redirect to 2nd floor"]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("logread | grep -iE 'a|b' | tail -5", "logread | grep -i -E 'a|b' | tail -5"),
        ("logread | grep -A3 x", "logread | grep -A 3 x"),
        ("logread | grep -iA3 x", "logread | grep -i -A 3 x"),
        ("logread | grep x -i", "logread | grep x -i"),
        ("logread | tail -n 20", "logread | tail -n 20"),
        ("logread | grep '-x'", None),
        ("logread | grep -f /etc/shadow x", None),
        ("logread | grep -if x", None),
        ("logread | grep x /etc/shadow", None),
        ("logread | grep -i -i x", None),
        ("logread | wc -l", None),
        ("logread | tail -n 20 /etc/shadow", None),
        ("logread | sh", None),
        ("logread | grep x | sh -c id", None),
        ("cat /proc/uptime | wc -l", "cat /proc/uptime | wc -l"),
        ("cat /tmp/sysinfo/../../etc/shadow", None),
        ("ping -s 100 -c 3 9.9.9.9", "ping -s 100 -c 3 9.9.9.9"),
        ("ping 9.9.9.9", "ping -c 5 9.9.9.9"),
    ],
)
def test_shell_programs_get_listed_options_only(bundle: PolicyBundle, typed: str, sent: str | None) -> None:
    found = run(bundle, "openwrt", "shell", typed)
    assert (found[0] if isinstance(found, list) else None) == sent
