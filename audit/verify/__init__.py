"""Verification of a whole log by recomputing it."""
