"""The drill: every attack of the catalogue is made on a copy of a ledger, to see which ones a set-up would notice.

`setup.py` says what a set-up is, `ledger_copy.py` makes the ledger to attack, `trials.py` attacks it, `matrix.py`
judges the results, `matrix_text.py` and `matrix_files.py` show them, and `run_drill.py` is the Python API.
"""
