"""Signed statements of a ledger's size and Merkle root, kept outside of the database.

`merkle.py` has the tree, `prefixes.py` its roots over the first N entries in one pass, `pieces.py` those over parts of
it that can be proven alone, `note.py` the signed notes, `keys.py` the keys that sign them, `store.py` the folders that
hold them, `record.py` what lies beside each, `proof.py` the proof of one entry, `comparison.py` what they show.
"""
