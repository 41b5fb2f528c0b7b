"""What an attack is (stub of the drill's, until branch attacks is merged)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.base import Kind
from pytest_audit_ledger.sources.scratch_ledger import ScratchLedger


@dataclass(frozen=True)
class Claim:
    """What claims to notice an attack."""

    kind: str
    parameter: str = ""

    def is_made_by(self, kind: type[Kind], parameters: Mapping[str, Any]) -> bool:
        """Tell whether a check makes it."""
        default = kind.parameters_schema.get(self.parameter, {}).get("default")
        return kind.name == self.kind and (not self.parameter or parameters.get(self.parameter, default) != default)


class Prevented(LedgerError):
    """The ledger's own guards refused the attack."""


@dataclass(frozen=True)
class Target:
    """What an attack may reach."""

    ledger: ScratchLedger
    middle: int
    checkpoints: Path | None = None
    superuser: Any = None


def always(_: Target) -> str | None:
    """Apply to every target."""
    return None


@dataclass(frozen=True)
class Attack:
    """One thing that somebody could do."""

    name: str
    title: str
    who: str
    what: str
    noticed_by: tuple[Claim, ...]
    perform: Callable[[Target], None]
    remedy: str = ""
    limit: str = ""
    applies: Callable[[Target], str | None] = always
