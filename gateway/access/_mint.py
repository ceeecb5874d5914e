"""Private keys with which `gateway.access` makes `Authenticated` and `AccessGrant` (import-linter keeps them here)."""

from typing import Final

KEY: Final = object()
