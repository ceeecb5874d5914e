"""How every page is made of its templates: escaped by default, and nothing that is missing passes for empty.

Used by the pages for people of each package (`gateway.web`, `gateway.review`, `audit.export`).
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


class Templates:
    """The templates below a directory, whatever their names end in. They are read once and do not change.

    Jinja is loaded with the first page: a gateway that nobody looks at does without its 5 MB.
    """

    def __init__(
        self,
        directory: Path,
        *,
        filters: Mapping[str, Callable[..., object]] | None = None,
        names: Mapping[str, object] | None = None,
    ) -> None:
        """`filters` and `names`: what the templates may use beside the facts of a page."""
        self._directory = directory
        self._filters = dict(filters or {})
        self._names = dict(names or {})

    def render(self, template: str, /, **facts: Any) -> str:
        """One page. Raises Jinja's errors: a template that is missing, or names what is missing, is a mistake here."""
        return self.environment.get_template(template).render(facts)

    @cached_property
    def environment(self) -> "Environment":
        """Jinja's; made when it is first wanted."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(self._directory),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters |= self._filters
        environment.globals |= self._names
        return environment
