"""Where entries come from: postgres.py, and demo.py for a ledger to try things on."""
