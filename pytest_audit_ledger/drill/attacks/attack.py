"""What an attack is: all you need to write one.

An attack tampers with a scratch ledger and says which kinds of check notice it. It changes nothing but what its name
says: whatever it has to switch off or change on its way, it restores.

    from pytest_audit_ledger.attacks import Claim, Target, attack

    @attack("withdraw an escalation", noticed_by=(Claim("checkpoint"),))
    def escalation_withdrawn(target: Target) -> None:
        '''Clear the escalation of one entry, which no hash covers.'''
        target.ledger.store([target.middle], escalation_status=None)

    def pytest_ledger_register_attacks():
        return [escalation_withdrawn]

The attack is named after the function, with hyphens: `escalation-withdrawn`. The docstring says what it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import cleandoc
from pathlib import Path
from typing import Any

from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.model.columns import V2_COLUMNS
from pytest_audit_ledger.model.profile import PREVIOUS, Profile
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger
from pytest_audit_ledger.scratch.superuser import Superuser

OWNER = "the owner of the table"
WRITER = "a role that may append entries"
SUPERUSER = "a superuser of the server"
FOLDER = "the owner of the table, with write access to the checkpoints"


_NO_SUPERUSER = "The attack needs a superuser, and the role on the scratch server is not one."


@dataclass(frozen=True)
class Target:
    """What an attack may reach: a scratch ledger, and the folder of its checkpoints if it has any.

    `middle` is the entry to attack: there are several entries before and after it, and an older checkpoint, if there is
    one, ends before it. `superuser` is None if the scratch server gives us no superuser.
    """

    ledger: ScratchLedger
    middle: int
    checkpoints: Path | None = None
    superuser: Superuser | None = None

    def as_superuser(self) -> Superuser:
        """Return the superuser. Raises LedgerError if there is none; `needs_superuser` finds that out before."""
        if self.superuser is None:
            raise LedgerError(_NO_SUPERUSER)
        return self.superuser


Unless = Callable[[Target, Any], str]


def never(_: Target, __: Any) -> str:
    """Return that no value of a parameter allows the attack."""
    return ""


@dataclass(frozen=True)
class Claim:
    """A kind of check that claims to notice an attack: always, or only if its parameter `parameter` is set.

    `unless` is called before the attack. It returns why the parameter's value allows the attack on this ledger, and an
    empty text if it does not. The claims of `checkpoint` and `checkpoint_guards` hold for what the newest checkpoint
    and its record cover.
    """

    kind: str
    parameter: str = ""
    unless: Unless = never

    def is_made_by(self, kind: type[Kind], parameters: Mapping[str, Any]) -> bool:
        """Return whether a check of this kind, with these parameters, makes this claim."""
        if self.kind not in (kind.name, *kind.aliases):
            return False
        default = kind.parameters_schema.get(self.parameter, {}).get("default")
        return not self.parameter or parameters.get(self.parameter, default) != default


class Prevented(LedgerError):  # noqa: N818  (an attack raises it to report a good ending, not an error)
    """The ledger's protections refused the attack, as they should."""


Perform = Callable[[Target], None]
Applies = Callable[[Target], "str | None"]


def always(_: Target) -> None:
    """Return that the attack applies to every ledger."""


@dataclass(frozen=True)
class Attack:
    """One way to tamper with a ledger.

    `title` is one line in plain words, `what` says what the attack does, and `who` who can do it. `noticed_by` are the
    kinds that claim to notice it; `remedy` says what to do if none of your checks does. If no kind claims it, `limit`
    says why. `applies` returns why the attack cannot be made on a ledger, None if it can. `perform` raises LedgerError
    if it could not do what it says. `by_roles`: it names columns by their roles, so it can be made on a ledger of any
    profile.
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
    by_roles: bool = False

    def objection(self, profile: Profile) -> str:
        """Return why it cannot be made on a ledger of this profile, an empty text if it can."""
        if self.by_roles or not profile.lacks(V2_COLUMNS):
            return ""
        return f"It needs columns of the profile ski, so it does not apply to the profile {profile.name}."

    def claims_on(self, profile: Profile) -> Sequence[Claim]:
        """Return what claims to notice it on a ledger of this profile.

        If entries do not store the hash before them, a broken link shows as a hash that does not match.
        """
        if profile.has(PREVIOUS):
            return self.noticed_by
        return [replace(one, kind="entry_hash") if one.kind == "chain_linkage" else one for one in self.noticed_by]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"{self.name!r} is not a valid attack name: use small letters, digits and hyphens")
        lacking = [name for name in ("title", "what", "who") if not getattr(self, name)]
        if lacking:
            raise ValueError(f"the attack {self.name} has no {', '.join(lacking)}")
        if not self.noticed_by and not self.limit:
            raise ValueError(f"the attack {self.name} has neither noticed_by nor limit")


_CHECKPOINTS = ("checkpoint", "checkpoint_guards")

CHECKPOINT = "Keep checkpoints outside the database: --ledger-checkpoint and --ledger-verifier-key."


def default_remedy(noticed_by: Collection[Claim]) -> str:
    """Return how to get a check that claims to notice an attack: any kind but checkpoints first, as it costs least."""
    kinds = list(dict.fromkeys(claim.kind for claim in noticed_by if claim.kind not in _CHECKPOINTS))
    if not kinds:
        return CHECKPOINT if noticed_by else ""
    return f"Add {'a check' if len(kinds) == 1 else 'one of the checks'} {listed(kinds, 'or')} to your suite."


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def attack(
    title: str,
    *,
    who: str = OWNER,
    noticed_by: tuple[Claim, ...] = (),
    remedy: str = "",
    limit: str = "",
    applies: Applies = always,
    by_roles: bool = False,
) -> Callable[[Perform], Attack]:
    """Make an attack from the function that performs it, which gives it its name and its description.

    Without a `remedy`, the remedy is to use the kinds in `noticed_by`. Unless it is made `by_roles`, it is made only on
    ledgers of the profile ski. Raises ValueError if something is missing.
    """

    def made(perform: Perform) -> Attack:
        return Attack(
            name=perform.__name__.replace("_", "-"),
            title=title,
            what=" ".join(cleandoc(perform.__doc__ or "").split()),
            who=who,
            noticed_by=noticed_by,
            remedy=remedy or default_remedy(noticed_by),
            limit=limit,
            perform=perform,
            applies=applies,
            by_roles=by_roles,
        )

    return made


def has_columns(*names: str) -> Applies:
    """Return a condition: the ledger has all these columns."""

    def applies(target: Target) -> str | None:
        lacking = [name for name in names if name not in target.ledger.columns()]
        return f"The ledger has no column {listed(lacking, 'or')}." if lacking else None

    return applies


def needs_superuser(target: Target) -> str | None:
    """Return None if there is a superuser to attack as."""
    return None if target.superuser else _NO_SUPERUSER
