"""What `gateway/policy/capabilities.py` promises."""

from gateway.policy.capabilities import CAPABILITIES, SCOPE, never_sentences, weight


def test_twenty_five_can_be_granted_and_the_rest_never() -> None:
    kinds = [capability.kind for capability in CAPABILITIES.values()]
    assert (kinds.count("always"), kinds.count("ask"), kinds.count("scope")) == (5, 7, 13)
    assert kinds.count("never") == 37
    assert len(SCOPE) == 13


def test_every_capability_has_a_sentence_in_both_languages() -> None:
    for capability in CAPABILITIES.values():
        for sentence in (capability.sentence("en"), capability.sentence("fr")):
            assert sentence.endswith(".")
            assert sentence[0].isupper()
        assert capability.en != capability.fr


def test_every_refusal_has_words_for_the_rep() -> None:
    assert all(bool(c.refusal) == (c.kind == "never") for c in CAPABILITIES.values())


def test_what_can_never_be_granted_is_said_once_per_family() -> None:
    assert len(never_sentences("en")) == len(set(never_sentences("fr"))) == 7


def test_weights_follow_the_classes_and_unknown_names_weigh_most() -> None:
    names = ("diagnose.read", "service.restart", "config.read", "pivot.ssh")
    assert [weight(name) for name in names] == [0, 1, 2, 3]
    assert weight("no.such.thing") == 3


def test_what_takes_the_router_down_is_confirmed() -> None:
    confirmed = {c.name for c in CAPABILITIES.values() if c.confirm}
    assert confirmed == {"device.reboot", "device.firmware", "device.factory_reset"}
