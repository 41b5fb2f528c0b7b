"""Signed statements of a ledger's size and Merkle root, kept outside of the database.

`merkle.py` has the tree, `prefixes.py` its roots over the first N entries in one pass, `note.py` the signed notes,
`keys.py` the keys that sign them, `store.py` the folders that hold them, `record.py` what lies beside each of them.
"""
