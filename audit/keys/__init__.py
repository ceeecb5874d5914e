"""Keys of the sealed parts: made, wrapped, stored, destroyed."""
