"""What an author of attacks needs: `drill/attacks/attack.py` explains attacks, `hookspecs.py` how to register one."""

from pytest_audit_ledger.drill.attacks.attack import (
    FOLDER,
    OWNER,
    SUPERUSER,
    WRITER,
    Attack,
    Claim,
    Prevented,
    Target,
    attack,
    has_columns,
    needs_superuser,
)
from pytest_audit_ledger.errors import LedgerError, SourceError
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.scratch.superuser import Superuser

__all__ = [
    "FOLDER",
    "OWNER",
    "SUPERUSER",
    "WRITER",
    "Attack",
    "Claim",
    "LedgerError",
    "Prevented",
    "ScratchLedger",
    "SourceError",
    "Superuser",
    "Target",
    "attack",
    "has_columns",
    "needs_superuser",
]
