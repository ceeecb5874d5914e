"""Measurements against the bars of docs/reference/performance.md. Nothing here fails because a machine is slow."""
