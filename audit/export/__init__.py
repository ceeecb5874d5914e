"""What leaves the house as evidence: bundles, single proofs, and the pages that explain them."""
