"""Servers and ledgers that are thrown away: the demo, copies to restore into, copies to attack.

`embedded.py` starts and stops a server, `server.py` creates and drops databases on one, `clone_table.py` copies a
ledger into a database, and `scratch_ledger.py` changes a ledger there. `sample.py` makes up entries; `demo.py` serves
them.
"""
