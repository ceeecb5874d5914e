"""Pages: what came from outside is escaped, and a name that is missing is an error and not an empty place."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from config.templates import Templates


def test_escaped_whatever_the_template_is_called(tmp_path: Path):
    (tmp_path / "page.txt").write_text("{% if true %}\n  <p title='{{ text }}'>{{ text }}</p>\n{% endif %}\n")
    text = Templates(tmp_path).render("page.txt", text="<script>'\"&")
    assert text == "  <p title='&lt;script&gt;&#39;&#34;&amp;'>&lt;script&gt;&#39;&#34;&amp;</p>\n"


def test_what_is_missing_is_not_empty(tmp_path: Path):
    (tmp_path / "page.html").write_text("{{ missing }}")
    with pytest.raises(UndefinedError, match="missing"):
        Templates(tmp_path).render("page.html")


def test_templates_have_the_filters_and_names_that_they_were_given_and_facts_come_before_names(tmp_path: Path):
    (tmp_path / "page.html").write_text("{{ word|twice }} {{ HERE }} {{ THERE }}")
    templates = Templates(tmp_path, filters={"twice": lambda text: text * 2}, names={"HERE": "a", "THERE": "b"})
    assert templates.render("page.html", word="ab", THERE="c") == "abab a c"
    assert templates.render("page.html", word="x") == "xx a b"
