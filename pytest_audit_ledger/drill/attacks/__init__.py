"""The attacks: `attack.py` says what one is, `catalogue.py` lists them all."""
