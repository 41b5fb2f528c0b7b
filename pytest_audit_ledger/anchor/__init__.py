"""Checkpoints made from a ledger that was verified, and proofs of single entries."""
