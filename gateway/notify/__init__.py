"""How messages leave the house: backends of `gateway.consent.notifier.Notifier`."""
