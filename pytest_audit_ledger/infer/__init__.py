"""Find the profile of a table that nobody described: its roles, and the recipe of its hashes.

`sampling` reads some rows, `chains` finds the roles, `source_text` reads what writes the table, `inference` searches
for the recipe on one of the rows, `proof` makes sure of it on all others, and `written_profile` writes what was found.
Only `sampling` and `run` do I/O.
"""
