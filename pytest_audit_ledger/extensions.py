"""Plugins that add kinds, attacks and payload functions.

In a pytest run these are the plugins of its manager, outside of one those that are installed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, TypeVar

import pluggy

from pytest_audit_ledger.errors import RegistrationError

PACKAGE = "pytest-audit-ledger"

_US = re.compile(r"pytest[-_.]audit[-_.]ledger(?![-_.\w])", re.IGNORECASE)
"""How a requirement names this package (PEP 508, and the normalised names of PEP 503)."""


Thing = TypeVar("Thing")


class Registrations(ABC, Generic[Thing]):
    """What plugins add to a program, by name. A name belongs to one plugin; a second claim is refused."""

    noun: ClassVar[str]
    """What is added, as messages call it."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self._owners: dict[str, str] = {}

    @abstractmethod
    def register(self, found: Any, plugin: str) -> None:
        """Add what a plugin returned from its hook. Raises RegistrationError, which names the plugins."""

    def claim(self, name: str, thing: Thing, plugin: str) -> None:
        """Add one thing of a plugin. Raises RegistrationError if its name is taken."""
        if name in self.things:
            raise RegistrationError(
                f"The {self.noun} {name!r} of the plugin {plugin} is already registered by the plugin "
                f"{self._owners[name]}.",
                "Rename one of them, or switch one plugin off with -p no:NAME.",
            )
        self.things[name], self._owners[name] = thing, plugin


def register_all(manager: pluggy.PluginManager, hook: str, registry: Registrations[Any]) -> None:
    """Add what the plugins of a manager return from a hook, one plugin after the other, so that a refusal can name it.

    Raises RegistrationError.
    """
    caller = getattr(manager.hook, hook, None)
    implementers = [implementation.plugin for implementation in caller.get_hookimpls()] if caller else []
    for plugin in implementers:
        others = [other for other in implementers if other is not plugin]
        for found in manager.subset_hook_caller(hook, others)():
            registry.register(found, manager.get_name(plugin) or repr(plugin))


def installed_plugins(hook: str) -> pluggy.PluginManager:
    """Return a manager with every installed pytest plugin whose package requires this one, for this one hook.

    Other plugins of pytest are left alone: importing them has effects that only a test run wants. Raises
    RegistrationError if a plugin cannot be loaded.
    """
    manager = _Plugins(hook)
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


class _Plugins(pluggy.PluginManager):
    """A plugin manager that takes one hook by its name, as pytest does, and no other."""

    def __init__(self, taken: str) -> None:
        super().__init__("pytest")
        self._taken = taken

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        if name != self._taken:
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
