"""Operational state in SQL: implements the protocols declared beside their users."""
