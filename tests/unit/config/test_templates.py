"""Pages: what came from outside is escaped, and a name that is missing is an error and not an empty place."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from config.templates import templates_in


def test_escaped_whatever_the_template_is_called(tmp_path: Path):
    (tmp_path / "page.txt").write_text("{% if true %}\n  <p title='{{ text }}'>{{ text }}</p>\n{% endif %}\n")
    text = templates_in(tmp_path).get_template("page.txt").render(text="<script>'\"&")
    assert text == "  <p title='&lt;script&gt;&#39;&#34;&amp;'>&lt;script&gt;&#39;&#34;&amp;</p>\n"


def test_what_is_missing_is_not_empty(tmp_path: Path):
    (tmp_path / "page.html").write_text("{{ missing }}")
    with pytest.raises(UndefinedError, match="missing"):
        templates_in(tmp_path).get_template("page.html").render()
