"""`audit-ledger profile`."""

from __future__ import annotations

from pathlib import Path

from tests.support.command import Invoke

PROFILE = """\
version: 1
name: house
table: public.log
description: What the house does.
roles: {sequence: seq, previous_hash: prev, entry_hash: hash, verdict: action}
versions:
  column: v
  of:
    1: {payload: {lengths: [previous, seq]}}
    2: {payload: {json: [previous, seq, action, line]}}
lines: {line: {payload: {concat: [body]}}}
starts: {at: 1200}
"""


def write(text: str = PROFILE, name: str = "house.profile.yaml") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_profiles_are_listed_with_those_in_the_current_folder(invoke: Invoke) -> None:
    write()
    write(PROFILE.replace("roles", "rules"), "broken.profile.yaml")
    result = invoke("profile", "list")
    assert result.exit_code == 0
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in result.output.splitlines()[2:]]
    assert [row[0] for row in cells] == ["formance", "frappe", "odoo", "ski", "verifactu", "broken", "house"]
    assert cells[-1] == ["house", "public.log", "What the house does.", "house.profile.yaml"]
    assert "has mistakes; list them: audit-ledger profile lint broken.profile.yaml" in result.output


def test_lint_says_by_version_what_is_under_no_hash(invoke: Invoke) -> None:
    result = invoke("profile", "lint", write())
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            "house.profile.yaml:11:35: warning: NULL and an empty text hash alike; json keeps them apart",
            "house.profile.yaml: no mistakes",
            "  hashed in version 1: hash, prev, seq",
            "  only under a line hash in version 1: body, line",
            "  under no hash in version 1: action, v",
            "  hashed in version 2: action, body, hash, line, prev, seq",
            "  under no hash in version 2: v",
            "  under no hash before entry 1,200: every column",
        ],
    )


def test_lint_of_a_shipped_profile_has_its_name(invoke: Invoke) -> None:
    lines = invoke("profile", "lint", "ski").output.splitlines()
    assert lines[0] == "ski.profile.yaml: no mistakes"
    assert lines[-1] == "  under no hash: created_at, escalation_notes, escalation_status"


def test_lint_warns_of_a_recipe_that_hashes_different_entries_alike(invoke: Invoke) -> None:
    text = PROFILE.replace("{lengths: [previous, seq]}", "{join: {by: '|', of: [previous, action, body]}}")
    lines = invoke("profile", "lint", write(text)).output.splitlines()
    assert [line.removeprefix("house.profile.yaml:9:").replace(" warning:", "") for line in lines[:3]] == [
        "25: action and body can have '|' in them, so different values can give one payload; use lengths or json",
        "25: the payload does not have the number 'seq', so entries can be renumbered unnoticed; add it",
        "50: NULL and an empty text hash alike; json keeps them apart (2 columns)",
    ]


def test_lint_warns_of_a_template_that_is_a_text_at_its_place(invoke: Invoke) -> None:
    text = PROFILE.replace("{concat: [body]}", "{template: 'No {seq}<{body}'}")
    result = invoke("profile", "lint", write(text))
    assert result.exit_code == 0, result.stderr
    assert "house.profile.yaml:11:36: warning: NULL and an empty text hash alike" in result.output


def test_every_mistake_of_every_profile_is_reported(invoke: Invoke) -> None:
    first = write(PROFILE.replace("roles", "rules"))
    second = write(PROFILE.replace("concat: [body]", "concat: [{body: hash}]"), "second.profile.yaml")
    result = invoke("profile", "lint", first, second)
    assert result.exit_code == 2
    assert "house.profile.yaml:5:1: unknown key 'rules' in the profile; did you mean 'roles'?" in result.stderr
    assert "second.profile.yaml:11:42: 'hash' is not a format" in result.stderr


def test_a_profile_that_does_not_exist_is_wrong_usage(invoke: Invoke) -> None:
    result = invoke("profile", "lint", "formanse")
    assert result.exit_code == 2
    assert "Error: There is no profile 'formanse'; did you mean 'formance'?" in result.stderr
