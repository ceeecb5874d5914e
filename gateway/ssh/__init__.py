"""The SSH front end."""
