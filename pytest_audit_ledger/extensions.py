"""The kinds and the attacks that plugins add, in a pytest run and outside of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from pytest_audit_ledger import hookspecs
from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.kinds.registry import SHIPPED, Registry

if TYPE_CHECKING:
    from pytest_audit_ledger.attacks.base import Attack

PACKAGE = "pytest-audit-ledger"
KINDS, ATTACKS = "pytest_ledger_register_kinds", "pytest_ledger_register_attacks"
"""The hooks through which plugins add to what we have."""

_US = re.compile(r"pytest[-_.]audit[-_.]ledger(?![-_.\w])", re.IGNORECASE)
"""How a requirement names this package (PEP 508, and the normalised names of PEP 503)."""


def registered_kinds(manager: pluggy.PluginManager) -> Registry:
    """Return the kinds that the plugins of a manager register.

    Raises RegistrationError. One plugin is asked after the other, so that a refusal can name it.
    """
    registry = Registry()
    _register(manager, KINDS, registry)
    return registry


def registered_attacks(manager: pluggy.PluginManager) -> Mapping[str, Attack]:
    """Return our own attacks and those that the plugins of a manager register, by name. Raises RegistrationError."""
    from pytest_audit_ledger.attacks import catalogue  # noqa: PLC0415  (the drill alone needs them)

    registry = catalogue.AttackRegistry()
    registry.register(catalogue.SHIPPED, PACKAGE)
    _register(manager, ATTACKS, registry)
    return registry.attacks


class _Registry(Protocol):
    def register(self, found: Any, plugin: str, /) -> None: ...


def _register(manager: pluggy.PluginManager, hook: str, registry: _Registry) -> None:
    implementers = [implementation.plugin for implementation in getattr(manager.hook, hook).get_hookimpls()]
    for plugin in implementers:
        others = [other for other in implementers if other is not plugin]
        for found in manager.subset_hook_caller(hook, others)():
            registry.register(found, manager.get_name(plugin) or repr(plugin))


def installed_kinds() -> Registry:
    """Return our own kinds and those of every installed pytest plugin whose package requires this one.

    Other plugins of pytest are left alone: importing them has effects that only a test run wants. Raises
    RegistrationError where a plugin cannot be loaded or a kind of it cannot be registered.
    """
    return registered_kinds(_installed(_Shipped()))


def installed_attacks() -> Mapping[str, Attack]:
    """Return our own attacks and those of every installed pytest plugin whose package requires this one, by name.

    Raises RegistrationError as `installed_kinds` does.
    """
    return registered_attacks(_installed())


def _installed(*ours: object) -> _Plugins:
    manager = _Plugins("pytest")
    manager.add_hookspecs(hookspecs)
    for plugin in ours:
        manager.register(plugin, PACKAGE)
    for plugin in _requiring_us():
        manager.register(_loaded(plugin), plugin.name)
    return manager


def _loaded(plugin: EntryPoint) -> Any:
    try:
        return plugin.load()
    except Exception as error:  # noqa: BLE001  (anybody's code runs when it is imported)
        raise RegistrationError(
            f"The plugin {plugin.name} ({plugin.value}) cannot be loaded: {type(error).__name__}: {error}.",
            "Repair or uninstall it.",
        ) from None


class _Shipped:
    def pytest_ledger_register_kinds(self) -> Any:
        return SHIPPED


class _Plugins(pluggy.PluginManager):
    """A plugin manager that takes a hook by its name, as pytest does, and no other hook than these two."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        if name not in (KINDS, ATTACKS):
            return None
        plain = pluggy.HookimplOpts(
            wrapper=False, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False, specname=None
        )
        return super().parse_hookimpl_opts(plugin, name) or plain


def _requiring_us() -> Iterator[EntryPoint]:
    for plugin in entry_points(group="pytest11"):
        package = plugin.dist
        if package is None or _US.match(package.name):  # an extra of ours requires us, too
            continue
        if any(map(_US.match, package.requires or [])):
            yield plugin
