"""Who may do what, and the live session."""
