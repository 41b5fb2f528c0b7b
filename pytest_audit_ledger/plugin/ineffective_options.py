"""What was typed on the command line of pytest and cannot take effect.

Options in `addopts`, PYTEST_ADDOPTS or an ini file are not typed. Without a ledger they do nothing, because a project
may set them for everybody and name the ledger only in CI.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import takewhile

import pytest

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.options import OF_PYTEST, OPTIONS, SECTIONS
from pytest_audit_ledger.plugin.option_declarations import value

_DRILL = {option.name for option in OPTIONS if "drill" in (option.name, *option.commands)}
_OF_A_DRILL_ALONE = _DRILL - {option.name for option in SECTIONS["The ledger"]}
"""What takes effect in a drill without a ledger."""


def typed(config: pytest.Config) -> Counter[str]:
    """Return the names of our options that were typed, and how often each."""
    names = {option.pytest: name for name, option in OF_PYTEST.items() if option.in_pytest}
    if hasattr(config, "workerinput"):  # the controller of xdist looks at what was typed
        return Counter()
    words = takewhile(lambda word: word != "--", map(str, config.invocation_params.args))
    return Counter(names[word] for word in (word.partition("=")[0] for word in words) if word in names)


def refuse_without_effect(config: pytest.Config) -> None:
    """Raise UsageError for an option that was typed twice, or without the one that it needs."""
    if config.getoption("help") or config.getoption("version"):
        return
    times = typed(config)
    for name in times:
        option = OF_PYTEST[name]
        if times[name] > 1 and not option.is_flag and not option.repeatable:
            raise UsageError(f"{option.pytest} is given {times[name]} times.", "Give it once.")
    drill = value(config, "drill")
    if "drill-entries" in times and not drill:
        raise UsageError(f"{OF_PYTEST['drill-entries'].pytest} only works with --ledger-drill.", "Add --ledger-drill.")
    idle = [name for name in times if not (drill and name in _OF_A_DRILL_ALONE)]
    if idle and value(config, "db") is None:
        remedy = "Add --ledger-db=DSN."
        if os.environ.get(OF_PYTEST["db"].variable):
            remedy = "Add --ledger-db=env:LEDGER_DSN. pytest does not read LEDGER_DSN by itself."
        raise UsageError(f"{OF_PYTEST[idle[0]].pytest} needs a ledger, and none is named.", remedy)


def refuse_useless_key(config: pytest.Config) -> None:
    """Raise UsageError if a key for checkpoints was typed, and no checkpoint is named."""
    if (
        "verifier-key" in typed(config)
        and not value(config, "checkpoint")
        and value(config, "write-checkpoint") is None
    ):
        raise UsageError(
            "--ledger-verifier-key only works with checkpoints, and none are named.", "Add --ledger-checkpoint=DIR."
        )
