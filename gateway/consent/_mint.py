"""The private key with which `gateway.consent.lifecycle` makes `ActiveConsent` (import-linter keeps it here)."""

from typing import Final

KEY: Final = object()
