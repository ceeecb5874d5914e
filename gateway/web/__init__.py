"""The subscriber's pages."""
