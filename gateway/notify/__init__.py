"""How messages leave the house: backends of `gateway.consent.notifier.Notifier`."""

from gateway.notify.choose import notifier_for

__all__ = ["notifier_for"]
