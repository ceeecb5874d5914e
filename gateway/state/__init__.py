"""Operational state in tables: who and what is known, consents between requests. The evidence is not here."""
