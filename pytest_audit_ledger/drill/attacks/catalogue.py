"""The catalogue of attacks: ours, and those of plugins. A name belongs to one plugin; nobody else may use it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, ModuleType

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
from pytest_audit_ledger.extensions import PACKAGE, installed_plugins, register_all

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


class AttackRegistry:
    """Attacks by name, in the order in which they were registered."""

    def __init__(self) -> None:
        self._attacks: dict[str, tuple[Attack, str]] = {}
        self.register(SHIPPED, PACKAGE)

    @property
    def attacks(self) -> Mapping[str, Attack]:
        """The attacks by name."""
        return MappingProxyType({name: attack for name, (attack, _) in self._attacks.items()})

    def register(self, attacks: Iterable[Attack], plugin: str) -> None:
        """Add the attacks of a plugin.

        Raises RegistrationError, naming the plugins, if one is not an Attack or its name is taken.
        """
        for attack in attacks:
            if not isinstance(attack, Attack):
                raise RegistrationError(
                    f"The plugin {plugin} registered {attack!r}, which is not an Attack.",
                    "Decorate the function with @attack, and return it from pytest_ledger_register_attacks.",
                )
            if attack.name in self._attacks:
                raise RegistrationError(
                    f"The attack {attack.name!r} of the plugin {plugin} is already registered "
                    f"by the plugin {self._attacks[attack.name][1]}.",
                    "Rename one of them, or switch one plugin off with -p no:NAME.",
                )
            self._attacks[attack.name] = (attack, plugin)


def registered_attacks(manager: pluggy.PluginManager) -> Mapping[str, Attack]:
    """Return our attacks and those that the plugins of a manager register, by name. Raises RegistrationError."""
    registry = AttackRegistry()
    register_all(manager, HOOK, registry)
    return registry.attacks


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


CATALOGUE: Mapping[str, Attack] = AttackRegistry().attacks
"""The attacks of this package by name."""
