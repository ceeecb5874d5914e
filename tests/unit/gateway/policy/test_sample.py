"""The bars of the policy on the public sample: no critical error, few false denials, on every platform with a table."""

from pathlib import Path

import pytest

from gateway.policy.load import load_bundle
from gateway.policy.score import PlatformScore, read_corpus, score
from gateway.session.lines import typed_lines

SAMPLE = Path(__file__).parents[3] / "corpora" / "policy-sample.yaml"
FALSE_DENIALS = 0.08
FALSE_DENIALS_BRIEF = 0.20
FULL = ("ios", "junos", "routeros", "openwrt", "vyos", "edgeos", "huawei_vrp", "frr")
BRIEF = ("bcm_cpe", "sros", "iosxr", "nxos")


@pytest.fixture(scope="module")
def scores() -> dict[str, PlatformScore]:
    result = score(load_bundle(), read_corpus(SAMPLE.name, SAMPLE.read_bytes()), typed_lines)
    return {platform.platform: platform for platform in result.platforms}


def test_no_platform_lets_a_line_through_that_it_must_refuse(scores: dict[str, PlatformScore]) -> None:
    assert {name: platform.critical for name, platform in scores.items() if platform.critical} == {}


@pytest.mark.parametrize("platform", [*FULL, *BRIEF])
def test_few_lines_are_refused_that_should_pass(scores: dict[str, PlatformScore], platform: str) -> None:
    assert scores[platform].table
    assert scores[platform].rows > 0
    assert scores[platform].false_denial_share <= (FALSE_DENIALS if platform in FULL else FALSE_DENIALS_BRIEF)


def test_every_platform_of_the_sample_has_a_table(scores: dict[str, PlatformScore]) -> None:
    assert set(scores) == {*FULL, *BRIEF}
    assert all(platform.table for platform in scores.values())
