"""The kinds that suites may name: ours, which are found in this package, and those of plugins."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from importlib import import_module

import pluggy

from pytest_audit_ledger import kinds as kinds_room
from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.extensions import PACKAGE, Registrations, installed_plugins, register_all
from pytest_audit_ledger.kinds.kind import CatalogKind, Kind, QueryKind, ScanKind
from pytest_audit_ledger.model.outcome import Family


def _found() -> tuple[type[Kind], ...]:
    """Return the kinds of this package: in each module, the class whose name in suites is the module's name."""
    kinds = []
    for _, module, _ in pkgutil.iter_modules(kinds_room.__path__):
        defined = vars(import_module(f"{kinds_room.__name__}.{module}")).values()
        # the name comes before issubclass: for Python 3.10 an alias such as list[int] is a type, too
        kinds += [one for one in defined if isinstance(one, type) and _is_kind(one, module) and issubclass(one, Kind)]
    families = list(Family)
    return tuple(sorted(kinds, key=lambda kind: (families.index(kind.family), kind.name)))


def _is_kind(defined: type, module: str) -> bool:
    """Return whether a class is the kind that a module is named after; a scan that judges nothing has no rule."""
    return getattr(defined, "name", "") == module and hasattr(defined, "rule")


SHIPPED = _found()
"""The kinds of this package, registered through the same hook as everybody's."""


class Registry(Registrations[type[Kind]]):
    """Kinds by name, and by their aliases."""

    noun = "kind"

    def __iter__(self) -> Iterator[type[Kind]]:
        """Yield every kind once, in the order in which they were registered."""
        return iter(dict.fromkeys(self.things.values()))

    def register(self, found: Iterable[type[Kind]], plugin: str) -> None:
        """Add the kinds of a plugin. Raises RegistrationError if one is not a usable kind, or if its name is taken."""
        for kind in found:
            if not (isinstance(kind, type) and issubclass(kind, (ScanKind, CatalogKind, QueryKind))):
                raise RegistrationError(
                    f"The plugin {plugin} registered {kind!r}, which is not a kind.",
                    "Return subclasses of ScanKind, CatalogKind or QueryKind from pytest_ledger_register_kinds.",
                )
            lacking = ["columns"] if issubclass(kind, ScanKind) and not hasattr(kind, "columns") else []
            lacking += [
                name for name in ("name", "rule", "remedy", "unit") if not isinstance(getattr(kind, name, None), str)
            ]
            if lacking:
                raise RegistrationError(
                    f"The kind {kind.__qualname__} of the plugin {plugin} has no {', '.join(lacking)}.",
                    "Add these class attributes.",
                )
            unwritten = sorted(kind.__abstractmethods__)
            if unwritten:
                raise RegistrationError(
                    f"The kind {kind.__qualname__} of the plugin {plugin} has no {', '.join(unwritten)}.",
                    "Implement these methods.",
                )
            for name in (kind.name, *kind.aliases):
                self.claim(name, kind, plugin)

    def get(self, name: str) -> type[Kind] | None:
        """Return the kind that has this name or alias, or None."""
        return self.things.get(name)

    def names(self) -> list[str]:
        """Return every name and alias, sorted."""
        return sorted(self.things)


HOOK = "pytest_ledger_register_kinds"


def registered_kinds(manager: pluggy.PluginManager) -> Registry:
    """Return the kinds that the plugins of pytest's manager register, ours among them. Raises RegistrationError."""
    registry = Registry()
    register_all(manager, HOOK, registry)
    return registry


def installed_kinds() -> Registry:
    """Return our own kinds and those of installed plugins (see `extensions.py`). Raises RegistrationError."""
    registry = Registry()
    registry.register(SHIPPED, PACKAGE)
    register_all(installed_plugins(HOOK), HOOK, registry)
    return registry
