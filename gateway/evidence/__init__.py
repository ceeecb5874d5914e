"""The people's side of the evidence: approvals by two persons, erasure, holds, retention, audited reading."""
