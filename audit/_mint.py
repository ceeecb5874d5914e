"""The private key with which `audit.journal` makes `RecordedCommand`. Nobody else may import it (import-linter)."""

from typing import Final

KEY: Final = object()
