"""The whole story on loopback, for real: `vestibule demo`."""
