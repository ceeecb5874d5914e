"""How every page is made of its templates: escaped by default, and nothing that is missing passes for empty.

Used by the pages for people of each package (`gateway.web`, `gateway.review`, `audit.export`).
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates_in(directory: Path) -> Environment:
    """The templates below `directory`, whatever their names end in. They are read once and do not change."""
    return Environment(
        loader=FileSystemLoader(directory),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
