"""Options in remedies: our texts name those that both parsers have, and the command spells them its own way."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import pytest_audit_ledger
from pytest_audit_ledger.kinds.kind import Kind
from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.model.outcome import Finding, Status
from pytest_audit_ledger.options import OPTIONS
from pytest_audit_ledger.output.wording import for_command, verification_for_command
from tests.reference import commands, help_of
from tests.support.outcomes import outcome, verification

PACKAGE = Path(pytest_audit_ledger.__file__).parent
IN_BOTH = {option.pytest for option in OPTIONS if option.in_pytest and option.commands}


@pytest.mark.parametrize("name", [name for name, _ in commands()], ids=lambda name: name or "audit-ledger")
def test_the_help_of_every_command_says_what_its_exit_codes_mean(name: str) -> None:
    codes = re.findall(r"^ +(\d)  ", help_of(name).partition("Exit codes")[2], re.MULTILINE)
    assert codes in (["0", "1", "2", "3"], ["0", "2", "3"])


@cache
def texts(path: Path) -> tuple[str, ...]:
    """Return the texts in a module, without docstrings."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    docstrings = {id(one.value) for one in nodes if isinstance(one, ast.Expr)}
    return tuple(
        one.value
        for one in nodes
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in docstrings
    )


def test_what_pytest_and_the_command_both_print_names_options_of_both() -> None:
    """Of the others, pytest's alone stand in plugin/, and the command's alone in cli/."""
    rooms = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("cli", "plugin")]
    named = {name for path in rooms for text in texts(path) for name in re.findall(r"--ledger-[a-z-]*[a-z]", text)}
    assert "--ledger-checkpoint" in named
    assert named <= IN_BOTH


@pytest.mark.parametrize("kind", SHIPPED, ids=lambda kind: kind.name)
def test_what_a_kind_says_of_itself_names_no_option_of_pytest(kind: type[Kind]) -> None:
    """It is also printed where nothing is run, by `suite kinds` and `suite explain`, and as it stands."""
    assert "--ledger-" not in f"{kind.rule} {kind.remedy} {kind.__doc__}"


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        ("Give --ledger-checkpoint and --ledger-table NAME.", "Give --checkpoint and --table NAME."),
        ("Add --ledger-verifier-key=KEY.", "Add --verifier-key=KEY."),
        ("Name it with --ledger-db.", "Name it with --ledger-db."),
        ("Give --ledger-verdict, or --ledger-rule=R.", "Give --verdict-filter, or --rule-id=R."),
        (
            "Try --ledger-write-checkpoint, --ledger-checkpoints.",
            "Try --ledger-write-checkpoint, --ledger-checkpoints.",
        ),
        ('It is "public"."--ledger-table".', 'It is "public"."--ledger-table".'),
    ],
)
def test_the_command_names_what_it_has_as_it_has_it(remedy: str, said: str) -> None:
    assert for_command(remedy) == said


OUTCOME = outcome(
    description="Run with --ledger-table x.",
    remedy="Allow more time with --ledger-timeout SECONDS.",
    findings=(Finding("BAD", "it says --ledger-table x", 1, "a --ledger-table x", "b --ledger-table x"),),
    facts={"column": "a --ledger-table x"},
    reason="The server said: call --ledger-table x. Allow more time with --ledger-timeout SECONDS.",
    advice="Allow more time with --ledger-timeout SECONDS.",
)


def test_what_an_entry_a_server_or_a_user_says_stays_as_it_is() -> None:
    (said,) = verification_for_command(verification(OUTCOME)).outcomes
    own = "Allow more time with --timeout SECONDS."
    reason = f"The server said: call --ledger-table x. {own}"
    assert said == replace(OUTCOME, remedy=own, reason=reason, advice=own)


def test_a_sentence_that_does_not_end_with_a_remedy_gets_none() -> None:
    said = verification_for_command(
        replace(verification(replace(OUTCOME, status=Status.ERROR)), sentence="It has no entries.")
    )
    assert said.sentence == "It has no entries."
