"""What GitHub Actions gets: nothing of a ledger can end a command, begin another, or become Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_audit_ledger.model.outcome import Family, Finding, Status
from pytest_audit_ledger.output.github import workflow_commands
from pytest_audit_ledger.output.markdown import code, escaped
from tests.support.outcomes import outcome

OUTCOME = outcome(
    check_id="flags",
    kind="accepted_values",
    family=Family.DATA,
    integrity=False,
    unexpected_count=1,
    codes={"VALUE": 1},
    location="checks/a:b,100%.ledger.yaml:7",
)


@pytest.mark.parametrize("text", ["100%", "%0A::stop-commands::x", "\n::error::owned", "\r\n::add-mask::x", "::x::y"])
def test_a_hostile_finding_stays_within_its_command(text: str) -> None:
    outcome = replace(OUTCOME, findings=(Finding("VALUE", text, 3, expected=text, actual=text),))
    (command,) = workflow_commands([outcome])
    assert "\n" not in command
    assert "\r" not in command
    head, _, message = command.removeprefix("::").partition("::")
    assert head == "error file=checks/a%3Ab%2C100%25.ledger.yaml,line=7,title=audit ledger%3A flags FAIL"
    restored = message.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    assert message.count("%") == restored.count("%") + message.count("%0A") + message.count("%0D")


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (Status.PASS, None),
        (Status.SKIP, None),
        (Status.WARN, "warning"),
        (Status.WAIVED, "notice"),
        (Status.FAIL, "error"),
        (Status.ERROR, "error"),
    ],
)
def test_the_level_of_an_annotation_is_that_of_the_outcome(status: Status, level: str | None) -> None:
    commands = [command.split(" ")[0] for command in workflow_commands([replace(OUTCOME, status=status)])]
    assert commands == ([] if level is None else [f"::{level}"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", "`a\\|b`"),
        ("`", "`` ` ``"),
        ("``` `", "```` ``` ` ````"),
        ("", "` `"),
        ("<script>", "`<script>`"),
        ("line\nline", "`line\\nline`"),
    ],
)
def test_a_value_is_code_whatever_it_holds(text: str, expected: str) -> None:
    assert code(text) == expected


def test_words_are_neither_markdown_nor_html() -> None:
    assert escaped("*a* <b> [c](d) #1 @e_f") == "\\*a\\* \\<b\\> \\[c\\](d) \\#1 \\@e\\_f"
