"""What the gateway's own command line for TR-069 routers says comes through the redactor as it was written."""

import pytest

from drivers.cwmp.gate import MASK
from drivers.cwmp.paths import ROOTS
from drivers.cwmp.plans.reading import Tally
from drivers.cwmp.rendering import pairs, table
from drivers.cwmp.words import words
from gateway.redaction.rules import load_rules
from gateway.redaction.stream import Redactor

SECRETS = [
    "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
    "Device.PPP.Interface.1.Password",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.WEPKey.1.WEPKey",
]


def redacted(text: str) -> str:
    redactor = Redactor(load_rules("cwmp"))
    return redactor.feed(text) + redactor.flush()


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("topic", words().topics)
def test_titles_of_every_topic(topic, root):
    for spec in words().tables(topic, root):
        titles = [column.title for column in spec.columns]
        cells = [MASK if title == "Password" else "1" for title in titles]
        for shown in (table(titles, [cells]), pairs(zip(titles, cells, strict=True))):
            assert redacted(shown) == shown


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "line",
    [
        "% The value is not allowed for this parameter (fault 9007): {}\n",
        "% Its old value was never read, so this stays as it is: {}\n",
        "(What was there before is not read, so undo cannot bring it back: {})\n",
        "{}: <hidden> -> <hidden>\n",
        "{}  <hidden>\n",
        "writable  {}\n",
    ],
)
def test_sentences_about_a_secret(line, name):
    shown = line.format(name)
    assert redacted(shown) == shown


@pytest.mark.parametrize(
    "shown",
    [
        "% Several could be meant: 1 (2.4 GHz), 2 (5 GHz). Write the number or the band, so: set wifi 1 password\n",
        "% The router has nothing that could be meant by: set wifi password\n",
    ],
)
def test_sentences_about_a_password(shown):
    assert redacted(shown) == shown


@pytest.mark.parametrize("masked", [1, 2])
@pytest.mark.parametrize("others", [0, 3])
def test_sentences_that_count_secrets(masked, others):
    shown = Tally(hidden=others, masked=masked, unasked=others).sentence()
    assert "secret" in shown
    assert redacted(shown) == shown
