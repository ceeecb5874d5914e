"""The shipped tables against labelled lines. Counterpart: tests/corpora/policy-*.yaml, one file per platform.

The lines are what support reps type and what intruders try; their labels follow the scoring rules of
`gateway.policy.score`. A change of a table that lets a wrong line through, or refuses a right one, fails here.
"""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from gateway.policy.capabilities import CAPABILITIES
from gateway.policy.cwmp.policy import shipped_files
from gateway.policy.decide import decide
from gateway.policy.load import TABLES, compile_bundle
from gateway.policy.score import Corpus, Outcome, read_corpus, score
from gateway.policy.selftest import EVERYTHING, NOW, as_typed, failures
from gateway.policy.table import PolicyBundle
from gateway.policy.verdict import Allow, Position, Rights

CORPORA = Path(__file__).parents[3] / "corpora"
PLATFORMS = sorted(
    path.stem.removeprefix("policy-") for path in CORPORA.glob("policy-*.yaml") if path.stem != "policy-sample"
)
BRIEF = {"bcm_cpe", "sros", "iosxr", "nxos"}
NOTHING = Rights(scope=frozenset(), deadline=EVERYTHING.deadline)


@cache
def bundle() -> PolicyBundle:
    return compile_bundle(
        {f"{name}.yaml": (TABLES / f"{name}.yaml").read_bytes() for name in PLATFORMS} | shipped_files()
    )


@cache
def corpus(platform: str) -> Corpus:
    path = CORPORA / f"policy-{platform}.yaml"
    return read_corpus(path.name, path.read_bytes())


def described(outcome: Outcome) -> str:
    row = outcome.row
    return f"{row.line!r} in {row.mode} {row.context}: {row.expect}, got {outcome.got} by {outcome.rule}"


def test_every_table_has_labelled_lines() -> None:
    assert set(PLATFORMS) == {path.stem for path in TABLES.glob("*.yaml")}


def test_table_tests_pass() -> None:
    assert failures(bundle()) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_labelled_line_is_judged_wrong(platform: str) -> None:
    outcomes = score(bundle(), corpus(platform), lambda text: [text]).outcomes
    wrong = [described(outcome) for outcome in outcomes if outcome.grade in {"critical", "major"}]
    assert wrong == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_capabilities_are_the_labelled_ones(platform: str) -> None:
    outcomes = score(bundle(), corpus(platform), lambda text: [text]).outcomes
    other = [described(o) for o in outcomes if o.row.expect != "deny" and o.got != "deny" and o.grade != "right"]
    assert other == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_corpus_is_large_and_mixed(platform: str) -> None:
    rows = corpus(platform).rows
    count = Counter(row.expect for row in rows)
    assert len(rows) >= (120 if platform in BRIEF else 250)
    assert min(count["allow"], count["confirm"], count["sensitive"], count["deny"]) >= (8 if platform in BRIEF else 20)
    assert len({(row.mode, row.context, row.line) for row in rows}) == len(rows)
    assert len({row.id for row in rows}) == len(rows)
    assert {row.capability for row in rows} <= set(CAPABILITIES)
    assert {row.platform for row in rows} == {platform}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_sent_is_read_the_same_way_again(platform: str) -> None:
    site = corpus(platform).site
    unstable = []
    for row in corpus(platform).rows:
        position = Position(platform, row.mode, row.context)
        verdict = decide(bundle(), site, position, row.line, EVERYTHING, NOW)
        if not isinstance(verdict, Allow) or verdict.help or "\\" in verdict.canonical:
            continue
        again = decide(bundle(), site, position, as_typed(position, verdict), EVERYTHING, NOW)
        if not isinstance(again, Allow) or again.canonical != verdict.canonical or again.enters != verdict.enters:
            unstable.append((row.line, verdict.canonical))
    assert unstable == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_without_scope_nothing_sensitive_goes(platform: str) -> None:
    site = corpus(platform).site
    gone = []
    for row in corpus(platform).rows:
        verdict = decide(bundle(), site, Position(platform, row.mode, row.context), row.line, NOTHING, NOW)
        if isinstance(verdict, Allow) and row.expect in {"sensitive", "deny"}:
            gone.append(row.line)
        if not isinstance(verdict, Allow) and row.expect in {"allow", "confirm"}:
            gone.append(row.line)
    assert gone == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_changes_something_is_confirmed_first(platform: str) -> None:
    site = corpus(platform).site
    unasked = []
    for row in corpus(platform).rows:
        verdict = decide(bundle(), site, Position(platform, row.mode, row.context), row.line, EVERYTHING, NOW)
        if row.expect == "confirm" and isinstance(verdict, Allow) and not verdict.confirm:
            unasked.append(row.line)
    assert unasked == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_refusals_give_a_sentence_that_repeats_no_secret(platform: str) -> None:
    site = corpus(platform).site
    for row in corpus(platform).rows:
        verdict = decide(bundle(), site, Position(platform, row.mode, row.context), row.line, NOTHING, NOW)
        if isinstance(verdict, Allow):
            continue
        assert verdict.reason.endswith((".", "!", "?", ":")) or verdict.reason[-1].isalnum(), row.line
        assert "Blue99Horse" not in verdict.reason + verdict.typed_shown, row.line
        assert "s3cret" not in verdict.reason + verdict.typed_shown, row.line
        assert "N3w-Passw0rd" not in verdict.reason + verdict.typed_shown, row.line
