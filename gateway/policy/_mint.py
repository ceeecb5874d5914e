"""The private key with which `gateway.policy.decide` makes `Allow` (import-linter keeps it here)."""

from typing import Final

KEY: Final = object()
