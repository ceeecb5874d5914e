"""The web pages of auditors, reviewers and supervisors: search, sessions, player, entries with their proofs."""
