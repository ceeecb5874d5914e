"""Which language a reader gets, and what the style promises."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway.web
from gateway.web.render import accepted

STYLE = (Path(gateway.web.__file__).parent / "static" / "style.css").read_text()


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("fr", ["fr"]),
        ("fr-CA,fr;q=0.9,en;q=0.8", ["fr", "fr", "en"]),
        ("en;q=0.2, fr;q=0.7", ["fr", "en"]),
        ("fr;q=0, en", ["en"]),
        ("fr;q=x, en", ["en"]),
        ("FR-ca ; q=1", ["fr"]),
        (",;,", []),
    ],
)
def test_accept_language(header: str, tags: list[str]) -> None:
    assert accepted(header) == tags


@given(st.text(max_size=600))
def test_any_header_is_survived(header: str) -> None:
    assert len(accepted(header)) <= 512


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> list[dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_contrast_is_enough(palette: dict[str, str]) -> None:
    """WCAG 2.2: 1.4.3 asks 4.5 for text, 1.4.11 asks 3 for the edges of controls."""
    for text, ground in (("ink", "paper"), ("ink", "soft"), ("link", "paper"), ("note-ink", "note"),
                         ("on", "go"), ("on", "stop")):  # fmt: skip
        assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    assert contrast(palette["line"], palette["paper"]) >= 3


def test_plain_buttons_have_contrast_too() -> None:
    light, _ = palettes()
    dark_button = re.search(r"button \{ background: (#[0-9a-f]{6})", STYLE)
    assert dark_button is not None
    assert contrast("#ffffff", light["link"]) >= 4.5
    assert contrast("#ffffff", dark_button[1]) >= 4.5


def test_the_style_fetches_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "outline: none" not in STYLE
