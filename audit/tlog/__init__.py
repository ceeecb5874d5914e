"""The transparency log's formats as C2SP has them: tree, notes, checkpoints, tiles, proofs, policies. Pure."""
