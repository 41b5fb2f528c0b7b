"""The catalogue of attacks: ours, and those of plugins. A name belongs to one plugin; a second claim is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import pluggy

from pytest_audit_ledger.drill.attacks import checkpoints, deletions, disguises, entries, provenance, triggers
from pytest_audit_ledger.drill.attacks import protections as guards
from pytest_audit_ledger.drill.attacks.attack import Attack
from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.extensions import PACKAGE, installed_plugins, register_all

SHIPPED: tuple[Attack, ...] = (
    *entries.ATTACKS,
    *deletions.ATTACKS,
    *provenance.ATTACKS,
    *triggers.ATTACKS,
    *guards.ATTACKS,
    *disguises.ATTACKS,
    *checkpoints.ATTACKS,
)
"""The attacks of this package, registered through the same hook as everybody's."""


class AttackRegistry:
    """Attacks by name, in the order in which they were registered."""

    def __init__(self) -> None:
        self._attacks: dict[str, tuple[Attack, str]] = {}

    @property
    def attacks(self) -> Mapping[str, Attack]:
        """The attacks by name."""
        return MappingProxyType({name: attack for name, (attack, _) in self._attacks.items()})

    def register(self, attacks: Iterable[Attack], plugin: str) -> None:
        """Add the attacks of a plugin.

        Raises RegistrationError where one is no attack, or where its name is taken; it names both plugins.
        """
        for attack in attacks:
            if not isinstance(attack, Attack):
                raise RegistrationError(
                    f"The plugin {plugin} registered {attack!r}, which is no Attack.",
                    "Return what the decorator `attack` makes from pytest_ledger_register_attacks.",
                )
            if attack.name in self._attacks:
                raise RegistrationError(
                    f"The attack {attack.name!r} of the plugin {plugin} is already registered "
                    f"by the plugin {self._attacks[attack.name][1]}.",
                    "Rename one of them, or switch one plugin off with -p no:NAME.",
                )
            self._attacks[attack.name] = (attack, plugin)


HOOK = "pytest_ledger_register_attacks"


def _shipped() -> AttackRegistry:
    registry = AttackRegistry()
    registry.register(SHIPPED, PACKAGE)
    return registry


def registered_attacks(manager: pluggy.PluginManager) -> Mapping[str, Attack]:
    """Return our attacks and those that the plugins of a manager register, by name. Raises RegistrationError."""
    registry = _shipped()
    register_all(manager, HOOK, registry)
    return registry.attacks


def installed_attacks() -> Mapping[str, Attack]:
    """Return our attacks and those of installed plugins (see `extensions.py`), by name. Raises RegistrationError."""
    return registered_attacks(installed_plugins(HOOK))


CATALOGUE: Mapping[str, Attack] = _shipped().attacks
"""The attacks of this package by name."""
