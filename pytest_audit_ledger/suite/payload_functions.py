"""Functions that plugins add for the recipe `python`, by name: the hook `pytest_ledger_register_payloads`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pluggy

from pytest_audit_ledger.errors import RegistrationError
from pytest_audit_ledger.extensions import Registrations, installed_plugins, register_all

HOOK = "pytest_ledger_register_payloads"


class _Functions(Registrations[str]):
    """What plugins return from the hook, by name, as `module:function`, which every process can import."""

    noun = "payload"

    def register(self, found: Mapping[str, Callable[..., Any]], plugin: str) -> None:
        """Add the functions of a plugin. Raises RegistrationError if another process could not import one."""
        for name, function in found.items():
            path = f"{function.__module__}:{function.__qualname__}"
            if ":" in name or "." in function.__qualname__:
                message = (
                    f"The plugin {plugin} registered the payload {name!r} with {path}, but a payload needs a name "
                    "without a colon and a function at the top of a module."
                )
                raise RegistrationError(message, "Rename the payload, or move the function.")
            self.claim(name, path, plugin)


def payload_functions(manager: pluggy.PluginManager | None = None) -> dict[str, str]:
    """Return the functions of a manager's plugins, or of those that are installed, as `module:function` by name.

    Raises RegistrationError.
    """
    functions = _Functions()
    register_all(manager or installed_plugins(HOOK), HOOK, functions)
    return functions.things


def name_functions(payload: Any, functions: Callable[[], Mapping[str, str]]) -> Any:
    """Return a payload of a profile in which the name of a registered function is its path."""
    if not isinstance(payload, dict) or "python" not in payload:
        return payload
    given = payload["python"]
    name = given.get("function") if isinstance(given, dict) else given
    if not isinstance(name, str) or ":" in name or (path := functions().get(name)) is None:
        return payload
    return {**payload, "python": {**given, "function": path} if isinstance(given, dict) else path}


def belongs_to_python(payload: Mapping[str, Any]) -> bool:
    """Return whether a payload would be made by a function of the standard library, which can do anything but that."""
    given = payload.get("python")
    name = given.get("function") if isinstance(given, dict) else given
    return isinstance(name, str) and re.split("[.:]", name)[0] in sys.stdlib_module_names


def lazily(manager: pluggy.PluginManager | None) -> Callable[[], Mapping[str, str]]:
    """Return what finds the functions when a profile names one: plugins are slow to import."""
    return partial(payload_functions, manager)
