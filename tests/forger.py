"""Makes valid ledgers of any size, and tampers with them in every way of the catalogue (drill/attacks/)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pytest_audit_ledger.drill.attacks.attack import Attack, Target
from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE
from pytest_audit_ledger.model.entry import Entry
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, Statement
from pytest_audit_ledger.scratch.superuser import Superuser


class Forger(ScratchLedger):
    """Writes to one database as its superuser, with statements that name the ledger as anybody does."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.dsn = dsn
        self.run("RESET search_path")

    def unguarded(self, *statements: Statement) -> None:
        """Run statements while no trigger fires."""
        with self.guards_down():
            for statement in statements:
                self.run(statement)

    def rewrite(self, first: int, change: Callable[[Entry], Entry]) -> None:
        """Change the entry `first`, then give it and every later entry a valid link and hash."""
        old = self.entry(first)
        changed = {name: value for name, value in vars(change(old)).items() if value != getattr(old, name)}
        if changed:
            self.store([first], **changed)
        self.relink(first)


MIDDLE = 50
"""The entry that attacks work around; tests of them make ledgers of 100 entries."""

Tampering = Callable[[Forger], None]


def tamper(attack: Attack, forger: Forger) -> None:
    """Perform an attack on the forger's ledger."""
    attack.perform(Target(forger, MIDDLE, superuser=Superuser(forger.database)))


TAMPERINGS: Mapping[str, Tampering] = {name: partial(tamper, attack) for name, attack in CATALOGUE.items()}
"""Every attack of the catalogue by name, to be performed on a forger's ledger."""
