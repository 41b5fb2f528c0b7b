"""What an attack is: the one page a third party needs.

An attack tampers with a ledger that may be tampered with, and says what notices it. It leaves no other trace than the
one it is named for: what it has to switch off or to change on its way, it puts back as it was.

    from pytest_audit_ledger import Claim, Target, attack

    @attack("take back an escalation", noticed_by=(Claim("checkpoint"),), remedy="Keep checkpoints.")
    def escalation_taken_back(target: Target) -> None:
        '''Empty the escalation of one entry, which no hash covers.'''
        target.ledger.store([target.middle], escalation_status=None)

    def pytest_ledger_register_attacks():
        return [escalation_taken_back]

The name of the attack is that of the function with hyphens, `escalation-taken-back`; its docstring says what it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, Superuser

OWNER = "the owner of the table"
WRITER = "whoever may append entries"
SUPERUSER = "a superuser of the server"
FOLDER = "the owner of the table, who can also write to the folder of the checkpoints"


@dataclass(frozen=True)
class Target:
    """What an attack may reach: a scratch ledger, and the folder of its checkpoints, where it has one.

    `middle` is the entry that an attack works around; several entries stand before and after it, and an older
    checkpoint, where there is one, ends before it. `superuser` is None where the server gives none.
    """

    ledger: ScratchLedger
    middle: int
    checkpoints: Path | None = None
    superuser: Superuser | None = None


Unless = Callable[[Target, Any], str]


def nothing(_: Target, __: Any) -> str:
    """Say of no value of a parameter that it allows an attack."""
    return ""


@dataclass(frozen=True)
class Claim:
    """A kind that claims to notice an attack, wherever it is evaluated; or only where its parameter `parameter` is set.

    `unless` is asked before the attack; it returns why the parameter's value allows the attack on this ledger, empty
    where it does not. What `checkpoint` and `checkpoint_guards` claim holds for what the newest checkpoint and its
    record speak of.
    """

    kind: str
    parameter: str = ""
    unless: Unless = nothing

    def is_made_by(self, kind: type[Kind], parameters: Mapping[str, Any]) -> bool:
        """Tell whether a check of this kind with these parameters claims it."""
        if self.kind not in (kind.name, *kind.aliases):
            return False
        default = kind.parameters_schema.get(self.parameter, {}).get("default")
        return not self.parameter or parameters.get(self.parameter, default) != default


class Prevented(LedgerError):  # noqa: N818  (it is raised by an attack to say so, and reads as a sentence)
    """What guards the ledger refused the attack, which is as it should be."""


Perform = Callable[[Target], None]
Applies = Callable[[Target], "str | None"]


def always(_: Target) -> None:
    """Say of every ledger that the attack can be performed on it."""


@dataclass(frozen=True)
class Attack:
    """One way to tamper with a ledger.

    `title` is one line in plain words, `what` says what it does, `who` what somebody needs for it. `noticed_by` are the
    kinds that claim to notice it, and `remedy` is what somebody can do whose checks do not. Where no kind claims it,
    `limit` says why. `applies` returns why the attack cannot be performed on a ledger, None where it can. `perform`
    raises a LedgerError where it could not do what it says.
    """

    name: str
    title: str
    what: str
    who: str
    noticed_by: tuple[Claim, ...]
    remedy: str
    limit: str
    perform: Perform
    applies: Applies

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"{self.name!r} is no name of an attack: small letters, digits and hyphens")
        lacking = [name for name in ("title", "what", "who") if not getattr(self, name)]
        if lacking:
            raise ValueError(f"the attack {self.name} has no {', '.join(lacking)}")
        if not self.noticed_by and not self.limit:
            raise ValueError(f"the attack {self.name} says neither what notices it nor why nothing can")


def attack(
    title: str,
    *,
    who: str = OWNER,
    noticed_by: tuple[Claim, ...] = (),
    remedy: str = "",
    limit: str = "",
    applies: Applies = always,
) -> Callable[[Perform], Attack]:
    """Make an attack of the function that performs it; its name and its docstring are the attack's."""

    def made(perform: Perform) -> Attack:
        return Attack(
            name=perform.__name__.replace("_", "-"),
            title=title,
            what=" ".join(cleandoc(perform.__doc__ or "").split()),
            who=who,
            noticed_by=noticed_by,
            remedy=remedy,
            limit=limit,
            perform=perform,
            applies=applies,
        )

    return made


def has_columns(*names: str) -> Applies:
    """Return what tells that a ledger lacks one of these columns."""

    def applies(target: Target) -> str | None:
        lacking = [name for name in names if name not in target.ledger.columns()]
        return f"The ledger has no column {', '.join(lacking)}." if lacking else None

    return applies


def needs_superuser(target: Target) -> str | None:
    """Say that there is no superuser to perform an attack as."""
    return None if target.superuser else "It takes a superuser of the scratch server, and there is none."
