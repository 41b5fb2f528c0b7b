"""The drill: every attack of a catalogue is made on a copy of a ledger, to see what a user's set-up would notice.

`setup.py` says what a set-up is, `copy.py` makes the ledger that is attacked, `run.py` attacks it, `matrix.py` is what
comes of it, and `text.py`, `document.py` and `page.py` show that.
"""
