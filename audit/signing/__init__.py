"""Who signs checkpoints, and remembers what was signed."""
