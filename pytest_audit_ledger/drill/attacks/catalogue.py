"""The catalogue of attacks: ours, and those of plugins."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

import pluggy

from pytest_audit_ledger.drill.attacks import (
    catalog_edits,
    checkpoints,
    deletions,
    disguises,
    entries,
    protections,
    provenance,
    triggers,
)
from pytest_audit_ledger.drill.attacks.attack import Attack
from pytest_audit_ledger.errors import RegistrationError, UsageError
from pytest_audit_ledger.extensions import PACKAGE, Registrations, installed_plugins, register_all

HOOK = "pytest_ledger_register_attacks"


def attacks_in(*modules: ModuleType) -> tuple[Attack, ...]:
    """Return every attack that these modules define, in the order of their text."""
    return tuple(
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, Attack) and one.perform.__module__ == module.__name__
    )


SHIPPED = attacks_in(entries, deletions, provenance, triggers, protections, disguises, catalog_edits, checkpoints)
"""The attacks of this package, registered like those of a plugin."""


class _Attacks(Registrations[Attack]):
    """Attacks by name, in the order in which they were registered."""

    noun = "attack"

    def register(self, found: Iterable[Attack], plugin: str) -> None:
        """Add the attacks of a plugin. Raises RegistrationError if one is not an Attack, or its name is taken."""
        for attack in found:
            if not isinstance(attack, Attack):
                raise RegistrationError(
                    f"The plugin {plugin} registered {attack!r}, which is not an Attack.",
                    "Decorate the function with @attack, and return it from pytest_ledger_register_attacks.",
                )
            self.claim(attack.name, attack, plugin)


def registered_attacks(manager: pluggy.PluginManager) -> Mapping[str, Attack]:
    """Return our attacks and those that the plugins of a manager register, by name. Raises RegistrationError."""
    registry = _Attacks()
    registry.register(SHIPPED, PACKAGE)
    register_all(manager, HOOK, registry)
    return registry.things


def installed_attacks() -> Mapping[str, Attack]:
    """Return our attacks and those of installed plugins (see `extensions.py`), by name. Raises RegistrationError."""
    return registered_attacks(installed_plugins(HOOK))


def choose(names: Sequence[str], catalogue: Mapping[str, Attack]) -> list[Attack]:
    """Return the attacks with these names in the order of the catalogue, or all of them without a name.

    Raises UsageError if there is no such attack.
    """
    for name in names:
        if name not in catalogue:
            close = difflib.get_close_matches(name, catalogue, 1)
            hint = f"Did you mean {close[0]}?" if close else "To list the attacks, run `audit-ledger drill --list`."
            raise UsageError(f"There is no attack {name!r}.", hint)
    return [attack for name, attack in catalogue.items() if not names or name in names]


CATALOGUE: Mapping[str, Attack] = {attack.name: attack for attack in SHIPPED}
"""The attacks of this package by name."""
