"""What happened to a ledger that is not as it should be: what its hashes prove about what it said before."""
