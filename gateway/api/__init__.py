"""The REST API, for automation over TCP and for the `vestibule` command over the Unix socket."""
