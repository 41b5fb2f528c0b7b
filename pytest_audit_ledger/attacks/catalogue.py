"""The catalogue of attacks: ours, and those of plugins. A name belongs to one plugin; a second claim is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pytest_audit_ledger.attacks import checkpoints, deletions, disguises, entries, guards, provenance, triggers
from pytest_audit_ledger.attacks.base import Attack
from pytest_audit_ledger.errors import RegistrationError

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


def _shipped() -> Mapping[str, Attack]:
    registry = AttackRegistry()
    registry.register(SHIPPED, "pytest-audit-ledger")
    return registry.attacks


CATALOGUE: Mapping[str, Attack] = _shipped()
"""The attacks of this package by name."""
