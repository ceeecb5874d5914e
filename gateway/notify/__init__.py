"""Ways a link or a code reaches a subscriber: implements `gateway.consent.notifier.Notifier`."""
