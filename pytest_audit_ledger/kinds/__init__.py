"""The kinds: one file per family; base.py says what a kind is, registry.py which there are."""
