"""The evidence, and all that reads it: journal, recordings, verification, replay. Runs without the gateway."""
