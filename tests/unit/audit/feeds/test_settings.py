"""A feed's file: what is wrong in it is said with its name and key."""

import pytest

from audit.feeds.errors import FeedError
from audit.feeds.settings import load_feed, load_feeds

GOOD = 'form = "ocsf"\nto = "https://siem.example/in"\nsecret_file = "secret"\n'


def written(tmp_path, text, name="siem.toml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_good_one(tmp_path):
    feed = load_feed(written(tmp_path, GOOD))
    assert (feed.name, feed.form, feed.cleared, feed.secret_file) == ("siem", "ocsf", False, tmp_path / "secret")
    assert load_feeds(tmp_path) == [feed]
    assert feed.wants("auth.ok")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('form = "ocsf"\n', "`to`: Field required"),
        (GOOD + "colour = 1\n", "`colour`"),
        (GOOD.replace("ocsf", "json"), "`form`"),
        (GOOD.replace("https", "ftp"), "`to`"),
        (GOOD.replace("https://siem", "http://siem"), "`to`"),
        (GOOD.replace("siem.example", "user:pw@siem.example"), "`to`"),
        ('form = "ocsf"\nto = "https://siem.example/in"\n', "secret_file"),
        ('form = "ocsf"\nto = "syslog+tls://siem.example:6514"\n', "syslog carries"),
        ("form = ", "TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, complaint):
    with pytest.raises(FeedError, match=complaint) as caught:
        load_feed(written(tmp_path, text))
    assert str(tmp_path / "siem.toml") in str(caught.value)


def test_names_and_directories(tmp_path):
    with pytest.raises(FeedError, match="name of a feed"):
        load_feed(written(tmp_path, GOOD, "Bad Name.toml"))
    with pytest.raises(FeedError, match="no directory"):
        load_feeds(tmp_path / "nowhere")
