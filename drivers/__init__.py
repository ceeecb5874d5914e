"""How to talk to a router. A driver is handed evidence (`audit.command.RecordedCommand`); it never decides."""
