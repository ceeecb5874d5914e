"""The `vestibule` command."""
