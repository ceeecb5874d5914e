"""Simulated routers: real SSH servers for the demo and for tests."""
