"""What ends: erasure of persons, expiry of whole months, and what has to be destroyed again after a restore."""
