"""Attacks on a ledger as data and small functions: `base.py` says what one is, `catalogue.py` which there are."""
