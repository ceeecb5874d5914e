"""What must hold for every table, shipped ones and the test's own.

Lines are made by walking a table's graph; a second, naive reading of the patterns checks what the resolver says.
"""

import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.capabilities import CAPABILITIES, weight
from gateway.policy.compile import _Slots
from gateway.policy.decide import decide
from gateway.policy.grammar import Node
from gateway.policy.lexer import Word
from gateway.policy.load import load_bundle
from gateway.policy.paths import BELOW
from gateway.policy.pattern import AnyOrder, Choice, Item, Keyword, Sequence, Slot, Template, parse_pattern
from gateway.policy.rule import Rule
from gateway.policy.selftest import EVERYTHING, NOW, TEST_SITE
from gateway.policy.table import PolicyBundle, Table, spell, spell_keyword
from gateway.policy.types import Types
from gateway.policy.verdict import Allow, Deny, Position, Verdict

SHIPPED = load_bundle()
SEEDS = st.integers(0, 2**32)

VALUES = (
    *("1", "2", "5", "10", "36", "100", "576", "1492", "9.9.9.9", "192.168.1.10", "fd00::5", "2001:db8::1", "0/1/0"),
    *("example.com", "nas.lan", "203.0.113.53", "10.0.0.0/24", "255.255.255.0", "fd00::/64", "aa:bb:cc:dd:ee:ff"),
    *("https://fw.isp.example/a.bin", "GigabitEthernet0/1", "Dialer1", "eth0", "br-lan", "wan", "lan", "radio0"),
    *("default_radio0", "@wifi-iface[0]", "phy0", "wlan0", "abc", "Blue99Horse", "Jones & Sons; 5GHz", "a|b", "on"),
    *("12:30", "5m", "00000000", "-4", "-6", "10.0.0.1/24", "192.168.1.1", "65000", "ffff", "x-1", "up", "HT20", "DE"),
    *("ether1", "bridge1", "2412", "20mhz", "2ghz-b/g/n", "1d", "AA:BB:CC:DD:EE:FF", "192.168.1.0/24"),
)


@dataclass(frozen=True)
class Walked:
    """A line: its words, and which of them are keywords, with a shorter spelling where the table takes one."""

    words: tuple[str, ...]
    keywords: tuple[bool, ...]
    short: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words)


def walk_line(table: Table, place: str, rng: random.Random) -> Walked | None:
    """A random line that some rule accepts, or none if the walk led nowhere."""
    node = table.roots[place]
    words: list[str] = []
    keywords: list[bool] = []
    short: list[str] = []
    for _ in range(24):
        ways = list(_ways(table, node, rng))
        # Where a menu alone is a line, most lines still go on.
        if any(not rule.known for rule in node.accepts) and (
            not ways or rng.random() < (0.5 if _ahead(node) < 9 else 0.1)
        ):
            return Walked(tuple(words), tuple(keywords), tuple(short))
        if not ways:
            return None
        # Towards what may go, and more often where more rules lie ahead; now and then into a refusal.
        ahead = [_ahead(way[3]) for way in ways]
        ((word, brief, is_keyword, node),) = rng.choices(ways, ahead)
        words.append(word)
        keywords.append(is_keyword)
        short.append(brief)
    return None


def _ways(table: Table, node: Node, rng: random.Random) -> Iterator[tuple[str, str, bool, Node]]:
    yield from _keywords(table, node)
    for slot, after in node.slots:
        value = _template(slot, rng) if isinstance(slot, Template) else _value(slot, rng)
        if value is not None and node.keyword(table.graph.key(value)) is None:
            yield spell(value, table.lexer), spell(value, table.lexer), False, after


@cache
def _keywords(table: Table, node: Node) -> tuple[tuple[str, str, bool, Node], ...]:
    words = [(name, after) for name, after in node.beginning("") if any(not rule.known for rule, _ in after.items)]
    return tuple((spell_keyword(name, table.lexer), _shortest(table, node, name), True, after) for name, after in words)


@cache
def _ahead(node: Node) -> float:
    """How many rules that may go lie ahead; a little for those that may not."""
    return len({rule for rule, _ in node.items if not rule.never}) + 0.05


def _shortest(table: Table, node: Node, name: str) -> str:
    key = table.graph.key(name)
    if table.lexer.abbreviates:
        for length in range(1, len(key)):
            if len(node.beginning(key[:length])) == 1:
                return name[:length]
    return spell_keyword(name, table.lexer)


def _value(slot: Slot, rng: random.Random) -> str | None:
    fitting = _fitting(slot)
    return rng.choice(fitting) if fitting else None


@cache
def _fitting(slot: Slot) -> tuple[str, ...]:
    sent = [sent for text in (*VALUES, *slot.type.values) if (sent := slot.type.match(text)) is not None]
    return tuple(text for text in sent if not text.startswith(slot.refuse or ("\0",)))


def _template(template: Template, rng: random.Random) -> str | None:
    parts = [part if isinstance(part, str) else _value(part, rng) for part in template.parts]
    return None if None in parts else "".join(part for part in parts if part is not None)


# --- the naive reading ------------------------------------------------------------------------------------------------


def fits(items: Sequence, words: list[str]) -> bool:
    """Whether `words` (canonical, without quotes) are spelled out by a pattern: plain backtracking."""
    if not items:
        return not words
    first, rest = items[0], items[1:]
    return any(fits(rest, words[taken:]) for taken in _takes(first, words))


def _takes(item: Item, words: list[str]) -> set[int]:
    if isinstance(item, Choice):
        return {n for branch in item.branches for n in range(len(words) + 1) if fits(branch, words[:n])}
    if isinstance(item, AnyOrder):
        return _takes_any_order(item, frozenset(range(len(item.parts))), words)
    if not words:
        return set()
    if isinstance(item, Keyword):
        return {1} if words[0] == item.text else set()
    if isinstance(item, Template):
        return {1} if item.whole.match(words[0]) else set()
    whole = {len(words)} if item.type.blank and item.type.match(" ".join(words)) else set()
    return whole | ({1} if item.type.match(words[0]) == words[0] else set())


def _takes_any_order(item: AnyOrder, left: frozenset[int], words: list[str]) -> set[int]:
    found = set() if any(item.needed[index] for index in left) else {0}
    for index in left:
        for taken in range(1, len(words) + 1):
            if fits(item.parts[index], words[:taken]):
                found |= {taken + more for more in _takes_any_order(item, left - {index}, words[taken:])}
    return found


@cache
def _parsed(table: Table) -> tuple[tuple[Rule, Sequence], ...]:
    slots = _Slots(Types(table.spec.types))
    return tuple((r, parse_pattern(r.pattern, lambda n, t, r=r: slots.make(n, t, r.row))) for r in table.rules)


def granting(table: Table, words: list[str]) -> list[Rule]:
    """Rules that spell out these words, on any position, by the naive reading."""
    prefixes = {prefix.word for prefix in table.spec.prefixes}
    rest = words[1:] if words[:1] and words[0] in prefixes else words
    return [rule for rule, items in _parsed(table) if not rule.never and (fits(items, words) or fits(items, rest))]


# --- the tables -------------------------------------------------------------------------------------------------------


class Case:
    """A bundle and one of its tables; short when printed."""

    def __init__(self, name: str, bundle: PolicyBundle) -> None:
        self.name, self.bundle, self.table = name, bundle, bundle.tables[name.removeprefix("own-")]

    def __repr__(self) -> str:
        return self.name


OF_WORDS = [name for name in SHIPPED.tables if name != "cwmp"]
"""Platforms whose lines are judged by the words in them; tests of the other one are in `cwmp/`."""


@pytest.fixture(params=[*OF_WORDS, "own-ios", "own-openwrt"])
def case(request: pytest.FixtureRequest, bundle: PolicyBundle) -> Case:
    return Case(request.param, bundle if request.param.startswith("own-") else SHIPPED)


def position_of(table: Table, place: str) -> Position:
    mode, _, context = place.partition("/")
    menu = table.spec.path is not None and table.spec.path.kind == "menu" and context == BELOW
    return Position(table.platform, mode, "/" if menu else context)  # lines are spelled from the root


def judge(bundle: PolicyBundle, position: Position, line: str) -> Verdict:
    return decide(bundle, TEST_SITE, position, line, EVERYTHING, NOW)


def some_lines(table: Table, seed: int, wanted: int) -> Iterator[tuple[str, Walked]]:
    rng = random.Random(seed)
    places = [place for place in table.roots if not place.endswith("/?")]
    for _ in range(wanted):
        place = rng.choice(places)
        line = walk_line(table, place, rng)
        if line is not None:
            yield place, line


@given(seed=SEEDS)
def test_what_is_sent_is_read_the_same_way_again(case: Case, seed: int) -> None:
    bundle, table = case.bundle, case.table
    for place, line in some_lines(table, seed, 8):
        position = position_of(table, place)
        first = judge(bundle, position, line.text)
        if isinstance(first, Allow):
            second = judge(bundle, position, first.canonical)
            assert isinstance(second, Allow), (position, line.text, first.canonical, second)
            assert (second.canonical, second.capability, second.rule_id, second.enters) == (
                first.canonical,
                first.capability,
                second.rule_id,
                first.enters,
            )


@given(seed=SEEDS)
def test_what_is_sent_is_spelled_out_by_a_rule(case: Case, seed: int) -> None:
    bundle, table = case.bundle, case.table
    for place, line in some_lines(table, seed, 4):
        verdict = judge(bundle, position_of(table, place), line.text)
        if isinstance(verdict, Allow):
            assert_spelled_out(table, verdict)


def assert_spelled_out(table: Table, verdict: Allow) -> None:
    """Every command of the canonical text is the text of a rule that may go."""
    for command in table.lex(verdict.canonical).commands:
        words = [word.text for word in command.words]
        if not words and command.absolute:
            continue  # "/" alone, to the top menu
        rules = granting(table, words) or granting(table, _with_the_rest(command.words, command.end, verdict.canonical))
        sent = [rule for rule in table.rules if rule.send is not None and rule.id == verdict.rule_id]
        assert rules or sent, verdict.canonical
        assert all(CAPABILITIES[rule.capability].kind != "never" for rule in rules)


def _with_the_rest(words: tuple[Word, ...], end: int, text: str) -> list[str]:
    """The words up to and with the filter sign, which a value that takes the rest of the line may hold."""
    return text[words[0].start : end].split(" ")


@given(seed=SEEDS)
def test_blanks_case_and_abbreviation_change_nothing(case: Case, seed: int) -> None:
    bundle, table = case.bundle, case.table
    rng = random.Random(seed)
    for place, line in some_lines(table, seed, 6):
        position = position_of(table, place)
        plain = judge(bundle, position, line.text)
        shortened = judge(bundle, position, " ".join(line.short))
        swapped = [
            "".join(rng.choice((c.lower(), c.upper())) for c in word)
            if keyword and table.lexer.case == "fold"
            else word
            for word, keyword in zip(line.words, line.keywords, strict=True)
        ]
        padded = judge(bundle, position, f" \t {'  '.join(swapped)}  ")
        if isinstance(shortened, Deny) and shortened.kind == "ambiguous":
            shortened = plain  # a second reading of the words before has keywords of its own
        for other in (shortened, padded):
            assert type(other) is type(plain), (position, line, plain, other)
            if isinstance(plain, Allow) and isinstance(other, Allow):
                # `Dot11Radio 0` and `Dot11Radio0` are one interface; which is sent depends on the readings there are.
                assert other.canonical.replace(" ", "") == plain.canonical.replace(" ", "")
                assert weight(other.capability) == weight(plain.capability)


SAFE = frozenset(string.ascii_letters + string.digits + "_./:@%+,=- ")


def outside_quotes(text: str) -> str:
    """`text` without what stands in single quotes, as a POSIX shell reads them."""
    plain, quoted, at = [], False, 0
    while at < len(text):
        if text[at] == "'":
            quoted = not quoted
        elif not quoted and text[at] == "\\":
            assert text[at + 1] == "'", "the only escape is that of a single quote"
            at += 1
        elif not quoted:
            plain.append(text[at])
        at += 1
    assert not quoted
    return "".join(plain)


def assert_plain(table: Table, canonical: str) -> None:
    """Only characters that mean themselves to this platform."""
    assert canonical.isprintable()
    assert len(canonical.encode()) <= table.lexer.max_line
    if table.lexer.kind == "shell-strict":
        bare = outside_quotes(canonical)
        for operator in ("&&", ";", "|"):
            bare = bare.replace(f" {operator} " if operator != ";" else "; ", "  ")
        assert set(bare) <= SAFE, canonical
    else:
        bare = re.sub(r'"[^"]*"', '""', canonical) if table.lexer.quotes == "double" else canonical
        assert not set(table.lexer.forbid + table.lexer.help) & set(bare)


@given(seed=SEEDS)
def test_canonical_text_is_plain(case: Case, seed: int) -> None:
    bundle, table = case.bundle, case.table
    for place, line in some_lines(table, seed, 8):
        verdict = judge(bundle, position_of(table, place), line.text)
        if isinstance(verdict, Allow):
            assert_plain(table, verdict.canonical)


MISCHIEF = [*";|&`$(){}<>\\'\"*?~#!\t\n\r\0 -=", "&&", "||", "$(id)", "`id`", "\u043e", "\u200b", "\x1b[A", "\xa0"]
MISCHIEF += ["; ssh x", " | sh", " && nc x", " > /tmp/x", "\nssh x", " /etc/shadow", " -f", " telnet", " 192.168.1.10"]


@given(seed=SEEDS, data=st.data())
def test_mischief_in_an_allowed_line_opens_nothing(case: Case, seed: int, data: st.DataObject) -> None:
    bundle, table = case.bundle, case.table
    for place, line in some_lines(table, seed, 4):
        at = data.draw(st.integers(0, len(line.text)))
        bad = line.text[:at] + data.draw(st.sampled_from(MISCHIEF)) + line.text[at:]
        verdict = judge(bundle, position_of(table, place), bad)
        if isinstance(verdict, Allow) and not verdict.help:
            assert_plain(table, verdict.canonical)
            assert_spelled_out(table, verdict)


@given(line=st.text(max_size=80) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")), seed=SEEDS)
def test_noise_is_refused_or_spelled_out(case: Case, line: str, seed: int) -> None:
    bundle, table = case.bundle, case.table
    place = random.Random(seed).choice([*table.roots])
    verdict = judge(bundle, position_of(table, place), line)
    if isinstance(verdict, Allow) and verdict.canonical:
        assert_plain(table, verdict.canonical)
        assert_spelled_out(table, verdict)


@cache
def _refusing(table: Table) -> list[tuple[str, Rule]]:
    """Places with the rules that refuse there."""
    return [(place, r) for place, root in table.roots.items() for r, _ in root.items if r.never and not r.known]


@given(seed=SEEDS, tail=st.text(alphabet=string.ascii_letters + string.digits + " ./:@-|;'", max_size=30))
def test_refusing_rows_refuse_whatever_follows(case: Case, seed: int, tail: str) -> None:
    """Unless a longer row allows the line, which then spells it out."""
    bundle, table = case.bundle, case.table
    rng = random.Random(seed)
    refusing = _refusing(table)
    if not refusing:
        return
    place, rule = rng.choice(refusing)
    words = [word for word in rule.pattern.split() if word.isascii()]
    if any(set(word) & set("<[{(|\\") for word in words):
        return
    verdict = judge(bundle, position_of(table, place), f"{' '.join(words)} {tail}")
    if isinstance(verdict, Allow) and not verdict.help:
        assert_spelled_out(table, verdict)


@given(seed=SEEDS)
def test_nothing_outside_the_scope_goes(case: Case, seed: int) -> None:
    bundle, table = case.bundle, case.table
    nothing = type(EVERYTHING)(scope=frozenset(), deadline=EVERYTHING.deadline)
    for place, line in some_lines(table, seed, 6):
        verdict = decide(bundle, TEST_SITE, position_of(table, place), line.text, nothing, NOW)
        if isinstance(verdict, Allow):
            assert all(weight(name) < 2 for name in verdict.capabilities)
        else:
            assert isinstance(verdict, Deny)


def test_walks_reach_most_rules(case: Case) -> None:
    """The properties above are only as good as the lines they see."""
    bundle, table = case.bundle, case.table
    seen = set()
    for seed in range(20):
        for place, line in some_lines(table, seed, 60):
            verdict = judge(bundle, position_of(table, place), line.text)
            if isinstance(verdict, Allow):
                seen.add(verdict.rule_id)
    grantable = {rule.id for rule in table.rules if not rule.never}
    assert len(seen & grantable) > len(grantable) * 0.3
