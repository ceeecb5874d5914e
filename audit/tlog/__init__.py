"""The transparency log's formats as C2SP has them: Merkle tree, notes, checkpoints. Pure."""
