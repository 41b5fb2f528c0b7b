"""Signed statements of a ledger's size and Merkle root, kept outside the database.

`merkle.py` has the tree, `prefixes.py` its roots over the first N entries in one pass, `pieces.py` the parts of it that
can be checked alone, `note.py` the signed notes, `keys.py` the keys, `store.py` the folders of checkpoints, `record.py`
the record next to each checkpoint, `proof.py` the proof of one entry, and `comparison.py` what checkpoints show.
"""
