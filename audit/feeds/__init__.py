"""Feeds of the log to other systems (SIEM): OCSF, ECS, CEF and syslog, delivered at least once, in order."""
