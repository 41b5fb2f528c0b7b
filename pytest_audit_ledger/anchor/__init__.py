"""Make checkpoints of a verified ledger, and proofs of single entries."""
