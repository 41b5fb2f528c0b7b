"""`python -m pytest_audit_ledger` is the command `audit-ledger`."""

from pytest_audit_ledger.cli import main

if __name__ == "__main__":
    main()
