"""What the log shows to the world: checkpoints."""
