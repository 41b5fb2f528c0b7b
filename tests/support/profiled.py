"""The tables of examples/profiles on a real server, each with its profile."""

from __future__ import annotations

from pathlib import Path

from pytest_audit_ledger.model.profile import Profile
from pytest_audit_ledger.suite.profile_file import load_profile
from tests.forger import Forger

FOLDER = Path(__file__).parents[2] / "examples" / "profiles"
RECIPES = tuple(path.stem for path in sorted(FOLDER.glob("*.sql")))


def profile_file(recipe: str) -> Path:
    return FOLDER / f"{recipe}.profile.yaml"


def profiled(forger: Forger, recipe: str) -> Profile:
    """Make the table of a recipe, and return its profile."""
    forger.run(f"SET TIME ZONE 'UTC'; SET search_path = public; {(FOLDER / f'{recipe}.sql').read_text('utf-8')}")
    return load_profile(profile_file(recipe))
