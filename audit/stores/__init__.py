"""Where entries are stored: the implementations of `audit.store`."""
