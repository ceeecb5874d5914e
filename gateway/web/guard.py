"""What the pages of the subscriber's app may load, and what is said when one breaks. Counterpart: `gateway.web.app`."""

from typing import Final

# No script at all; styles and forms from and to this origin only.
CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

FAILURE: Final = "Something went wrong. Une erreur s'est produite.\n"
