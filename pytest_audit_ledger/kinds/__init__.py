"""The kinds, one file each, named as the kind: kind.py says what a kind is, registry.py finds them."""
