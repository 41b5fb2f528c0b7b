"""Trials of other formats: each differs from the recipe in one item, and reads the same columns."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from pytest_audit_ledger.model.format_trials import trials
from pytest_audit_ledger.model.profile_coverage import all_versions
from pytest_audit_ledger.model.recipes import RecipeError, compile_recipe
from pytest_audit_ledger.suite.profile_file import load_profile, shipped_profiles

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "profiles").glob("*.profile.yaml"))
IN_SQL = ("odoo", "sql")


@pytest.mark.parametrize("path", [*shipped_profiles().values(), *EXAMPLES], ids=lambda path: path.name.split(".")[0])
def test_a_trial_reads_what_the_recipe_reads(path: Path) -> None:
    for version in all_versions(load_profile(path)).values():
        recipe = compile_recipe(version.payload, {}, version.hashing)
        compiled = 0
        for trial in trials(version.payload, {}):
            assert trial.payload != version.payload
            assert trial.column in (*recipe.columns, "previous")
            with suppress(RecipeError):  # such as bytes in JSON
                tried = compile_recipe(trial.payload, {}, version.hashing)
                assert (set(tried.columns), tried.needs_previous) == (set(recipe.columns), recipe.needs_previous)
                compiled += 1
        assert compiled > 50 or path.name.split(".")[0] in IN_SQL


def test_the_field_of_a_template_is_tried_although_it_has_no_item() -> None:
    found = [trial.payload for trial in trials({"template": "{at}!"}, {"at": "timestamp with time zone"})]
    assert {"template": {"text": "{at}!", "of": {"at": {"at": {"unix": "ms"}}}}} in found
