"""The options of the commands, made from the table in `pytest_audit_ledger/options.py`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from pytest_audit_ledger.cli.console import progress
from pytest_audit_ledger.commands import REPEATED, Given, completed, given_as
from pytest_audit_ledger.errors import LedgerError, UsageError
from pytest_audit_ledger.files.stores import is_store, path_of
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.options import Option, Type, options_of
from pytest_audit_ledger.sources.dsn import Dsn
from pytest_audit_ledger.suite.profile_choice import chosen_profile

Command = Callable[..., int]


@dataclass(frozen=True)
class Reading:
    """The ledger that a command reads, as its options name it."""

    ledger_db: str
    table: str | None
    profile: str | None
    timeout: int
    quiet: bool

    def open(self) -> Ledger:
        """Return the ledger, to be used in a `with`; it connects when it is asked something."""
        profile = chosen_profile(self.profile)
        shown = progress(quiet=self.quiet)
        return Ledger(self.ledger_db, table=self.table, profile=profile, timeout=self.timeout, progress=shown)


@dataclass(frozen=True)
class Group:
    """Options that a command gets as one argument, `name`, which `make` makes of their values."""

    name: str
    parameters: tuple[str, ...]
    make: Callable[..., Any]


READING = Group("reading", ("ledger_db", "table", "profile", "timeout", "quiet"), Reading)


def options(command: str, *groups: Group) -> Callable[[Command], Command]:
    """Give a command its options from the table; those of a group come as one argument."""

    def decorate(function: Command) -> Command:
        @wraps(function)
        def run(**values: Any) -> int:
            for group in groups:
                members = {name: values.pop(name) for name in group.parameters if name in values}
                values[group.name] = group.make(**members)
            return function(**values)

        decorated = run
        for option in reversed(options_of(command)):
            decorated = click.option(*_spellings(option), **_settings(option, command))(decorated)
        return decorated

    return decorate


def _spellings(option: Option) -> list[str]:
    shown = list(option.shown)
    if option.type is Type.SWITCH:
        shown = [f"--{option.name}/--no-{option.name}"]
    alias = [option.pytest] if option.in_pytest and option.pytest not in shown else []
    return [*shown, *alias, *([f"-{option.short}"] if option.short else []), option.parameter]


def _settings(option: Option, command: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "cls": _Option,
        "declared": option,
        "help": option.help,
        "required": command in option.required_in,
        "multiple": option.repeatable,
        "envvar": option.variable or None,
        "show_envvar": bool(option.variable),
    }
    if option.is_flag:
        settings |= {"is_flag": True, "default": bool(option.default)}
    else:
        settings |= {"metavar": None if option.choices else option.value_name, "type": _TYPES[option.type](option)}
        settings |= {} if option.default is None else {"default": option.default}
    if option.name == "no-color":
        settings |= {"expose_value": False, "is_eager": True, "callback": _no_color}
    return settings


_TYPES: dict[Type, Callable[[Option], Any]] = {
    Type.TEXT: lambda _: str,
    Type.WHOLE: lambda option: _number(option, int),
    Type.NUMBER: lambda option: _number(option, float),
    Type.CHOICE: lambda option: click.Choice(option.choices),
    Type.FILE: lambda option: click.Path(exists=True, dir_okay=False) if option.must_exist else str,
    Type.FOLDER: lambda _: str,
    Type.DSN: lambda _: str,
}


def _number(option: Option, read: Callable[[str], float]) -> Callable[[Any], float]:
    """Return what reads a number within the bounds of an option."""

    def number(text: Any) -> float:
        with suppress(ValueError):
            found = read(text)
            if option.allows(found):
                return found
        raise click.BadParameter(f"{text!r} is not {option.bounds}.")

    return number


class _Option(click.Option):
    """An option whose spelling in pytest is accepted, and left out of the help and of messages."""

    def __init__(self, *args: Any, declared: Option, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declared = declared

    @contextmanager
    def _without_alias(self) -> Iterator[None]:
        every, self.opts = self.opts, [name for name in self.opts if name not in self.aliases]
        try:
            yield
        finally:
            self.opts = every

    @property
    def aliases(self) -> set[str]:
        """The spellings that are accepted and not shown."""
        return {self.declared.pytest} - {*self.declared.shown}

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the value of the variable; for a DSN the variable itself, so that suggested commands repeat that."""
        found = super().resolve_envvar_value(ctx)
        is_dsn = found and self.declared.type is Type.DSN and not found.startswith("env:")
        return f"env:{self.declared.variable}" if is_dsn else found

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the names and the text that --help shows."""
        with self._without_alias():
            names, _ = super().get_help_record(ctx) or ("", "")
        option = self.declared
        repeatable = " Repeatable." if option.repeatable else ""
        default = f"default: {option.default_shown}" if option.default_shown else ""
        variable = f"or set {option.variable}" if option.variable else ""
        extra = "; ".join(filter(None, ("required" if self.required else "", variable, default)))
        return names, f"{option.help}{repeatable}{f'  [{extra}]' if extra else ''}"

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Return what a message about the value calls it."""
        with self._without_alias():
            return super().get_error_hint(ctx)


def _no_color(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        context.color = False


class _Formatter(click.HelpFormatter):
    """Wraps lines at spaces only: an option, or `audit-ledger`, is not broken after a hyphen."""

    def write_text(self, text: str) -> None:
        """Write a text, wrapped."""
        super().write_text(text.replace("-", _UNBROKEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **options: Any) -> None:
        """Write names with their texts, wrapped."""
        super().write_dl([(name, text.replace("-", _UNBROKEN)) for name, text in rows], *args, **options)

    def getvalue(self) -> str:
        """Return what was written."""
        return super().getvalue().replace(_UNBROKEN, "-")


_UNBROKEN = "\N{NON-BREAKING HYPHEN}"


class LedgerCommand(click.Command):
    """A command that refuses an option that is given twice, where only the last would count."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments."""
        ctx.formatter_class = _Formatter
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args([*args])
            for option, times in Counter(given).items():
                if times > 1 and isinstance(option, click.Option) and not (option.multiple or option.is_flag):
                    hint = option.get_error_hint(ctx).partition(" (")[0]
                    raise click.UsageError(f"{hint} is given {times} times. Give it once.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. An error that it raises advises commands with what was given to this one."""
        try:
            return super().invoke(ctx)
        except LedgerError as error:
            raise error.advising(completed(error.remedy, given_to(ctx))) from error


def given_to(context: click.Context) -> Given:
    """Return what a command was given, for the commands that it suggests, without secrets."""
    declared = [one.declared for one in context.command.params if isinstance(one, _Option)]
    name = context.command_path.partition(" ")[2]
    found = {given_as(name, option): (option, context.params.get(option.parameter)) for option in declared}
    given: dict[str, Sequence[str]] = {}
    for repeated in REPEATED:
        option, value = found.get(repeated, (None, None))
        if option is not None and value:
            given[repeated] = () if option.is_flag else value if option.repeatable else [value]
    if "db" in given:
        given["db"] = [Dsn(given["db"][0]).repeatable()]
    return given


class LedgerGroup(LedgerCommand, click.Group):
    """A group of commands of ours."""

    command_class = LedgerCommand


class WithOthers(LedgerGroup):
    """A command that has others below it, such as `backup`, with `backup verify`."""

    allow_extra_args = False
    allow_interspersed_args = True

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "invoke_without_command": True, "subcommand_metavar": ""})

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of the command below if the first argument names one, otherwise that of this one."""
        below = self.commands.get(args[0]) if args else None
        if below is not None:
            return below.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


class FileOrObject(click.Path):
    """An argument that names a file that exists, or an object in a store, which is looked for when it is read."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return its path."""
        return path_of(value if is_store(value) else str(super().convert(value, param, ctx)))


def refuse_to_overwrite(output: str, inputs: Sequence[str]) -> None:
    """Raise UsageError if a file that is read would be replaced by what is written."""
    target = path_of(output)
    for name in inputs:
        with suppress(OSError, ValueError):  # a DSN is not the name of a file
            if target.samefile(name) if isinstance(target, Path) else str(target) == name:
                raise UsageError(f"{target} is an input, and would be overwritten.", "Name another output file.")
