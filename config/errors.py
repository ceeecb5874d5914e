"""The root of every error that Vestibule shows to a person.

Each package has one family below `VestibuleError`. The text of an error is one sentence (or a few) for the person who
meets it: what was wrong, where, and what to do. It never carries a secret, a token or personal data.
"""


class VestibuleError(Exception):
    """Root of all error families; `str(error)` is fit to be shown to a user."""


class ConfigError(VestibuleError):
    """A setting is missing, unknown or wrong. The text names the file, the key and the remedy."""
