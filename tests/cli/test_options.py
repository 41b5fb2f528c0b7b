"""Every option is declared once: both front ends, the help and the reference pages follow the table."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import click
import pytest

from pytest_audit_ledger.options import EVERY_COMMAND, OPTIONS, Type, options_of
from tests.reference import FOLDER, PAGES, commands, help_of

COMMANDS = dict(commands())
WORKING = [name for name, command in COMMANDS.items() if not isinstance(command, click.Group) or command.params[1:]]
"""Those that do something, and are not only a name for others."""


def declared(name: str) -> set[str]:
    """Return the spellings of a command's options that the table gives it."""
    spellings = set()
    for option in options_of(name):
        spellings |= {*option.shown, *([option.pytest] if option.in_pytest else [])}
        spellings |= {f"-{option.short}"} if option.short else set()
        spellings |= {f"--no-{option.name}"} if option.type is Type.SWITCH else set()
    return spellings


def test_the_table_names_the_commands_that_there_are() -> None:
    assert set(EVERY_COMMAND) == set(WORKING) - {""}
    assert {command for option in OPTIONS for command in option.commands} == set(EVERY_COMMAND)
    assert all(set(option.required_in) <= set(option.commands) for option in OPTIONS)


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_a_command_has_the_options_of_the_table_and_no_others(name: str) -> None:
    options = [one for one in COMMANDS[name].params if isinstance(one, click.Option)]
    assert {spelling for one in options for spelling in (*one.opts, *one.secondary_opts)} == declared(name)


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_every_command_can_be_quiet_and_without_colours(name: str) -> None:
    assert {"--quiet", "-q", "--no-color"} <= declared(name)


def test_no_two_options_of_a_front_end_have_the_same_name() -> None:
    for name in EVERY_COMMAND:
        assert max(Counter(option.parameter for option in options_of(name)).values()) == 1, name
    assert max(Counter(option.name for option in OPTIONS if option.in_pytest or option.in_ini).values()) == 1


def test_pytest_has_the_options_and_settings_of_the_table_and_no_others(pytestconfig: pytest.Config) -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True)
    words = {word.partition("=")[0].rstrip(":,") for word in done.stdout.replace("(", " ").split()}
    assert {word for word in words if word.startswith("--ledger-")} == {one.pytest for one in OPTIONS if one.in_pytest}
    assert {word for word in words if word.startswith("ledger_")} >= {one.ini for one in OPTIONS if one.in_ini}
    for option in OPTIONS:
        if option.in_ini:
            pytestconfig.getini(option.ini)  # which raises for one that is not declared


def test_an_option_is_also_accepted_as_pytest_spells_it_and_not_shown() -> None:
    for name, command in COMMANDS.items():
        for parameter in command.params:
            hidden = {spelling for spelling in parameter.opts if spelling.startswith("--ledger-")} - {"--ledger-db"}
            assert not any(spelling in help_of(name) for spelling in hidden), name


@pytest.mark.parametrize("name", COMMANDS, ids=lambda name: name or "audit-ledger")
def test_help_fits_80_columns_and_cuts_nothing_off(name: str) -> None:
    lines = help_of(name).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if re.match(r"  [a-z-]+ {2,}.*\.\.\.$", line)] == []
    assert [line for line in lines if line.endswith("-")] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "write it with `python -m tests.reference`"
