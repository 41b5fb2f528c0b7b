"""What somebody could do to a ledger: the catalogue of attacks, as data and small functions."""
