"""The manual of profiles: its examples are profiles, and nothing of the language is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.files.resources import folder, json_schema
from pytest_audit_ledger.model.recipes.compiler import RECIPES
from pytest_audit_ledger.model.recipes.formats import PLAIN, WITH_OPTIONS
from pytest_audit_ledger.suite.profile_file import load_profile, shipped_profiles

MANUAL = (folder("checks") / "profiles" / "README.md").read_text(encoding="utf-8")
IN_BACKTICKS = set(re.findall(r"`([\w.-]+)[:`]", MANUAL))
OF_SKI = "Every other column of the SKI ledger is a role"


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL))
def test_an_example_is_a_profile(block: str, tmp_path: Path) -> None:
    path = tmp_path / "example.profile.yaml"
    path.write_text(block, encoding="utf-8")
    assert load_profile(path).version


def test_every_shipped_profile_is_in_the_manual() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(\w+\.profile\.yaml\) \|", MANUAL, re.MULTILINE)
    assert sorted(listed) == sorted(shipped_profiles())


def keys(schema: Any) -> Iterator[str]:
    """Yield every key that a schema names, but the roles of the SKI ledger, which the manual gives in one sentence."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties", {})
        yield from () if "telemetry_id" in properties else properties
        for inner in schema.values():
            yield from keys(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from keys(inner)


def test_every_key_of_the_language_is_in_the_manual() -> None:
    schema = json_schema("profile.schema.json")
    assert OF_SKI in MANUAL
    own = {"sequence", "stream", "order", "timestamp", "previous_hash", "entry_hash", "verdict"}
    assert own <= set(schema["properties"]["roles"]["properties"]) & IN_BACKTICKS
    written = IN_BACKTICKS | set(re.findall(r"(\w+): ", "".join(re.findall(r"`\{.*?\}`", MANUAL))))
    assert set(keys(schema)) - written == set()


def test_every_recipe_and_format_is_in_the_manual_and_in_the_schema() -> None:
    definitions = json_schema("profile.schema.json")["$defs"]
    recipes = {*RECIPES, "sql", "python"}
    assert recipes <= IN_BACKTICKS
    assert set(definitions["recipe"]["properties"]) == recipes
    assert {*PLAIN, *WITH_OPTIONS} <= IN_BACKTICKS
    assert set(definitions["format"]["properties"]) == set(WITH_OPTIONS)
