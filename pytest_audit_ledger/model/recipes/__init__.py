"""Recipes: how the payload of an entry is made of its columns, as a profile describes it. No I/O.

`compile_recipe` and `compile_hashing` make functions of data, `lint` warns of recipes that cannot see a change, and a
`RecipeError` says what is wrong with one, and where.
"""

from pytest_audit_ledger.model.recipes.errors import RecipeError
from pytest_audit_ledger.model.recipes.hashing import compile_hashing
from pytest_audit_ledger.model.recipes.lint import lint
from pytest_audit_ledger.model.recipes.parts import Rows
from pytest_audit_ledger.model.recipes.recipe import SQL_PAYLOAD, Recipe, compile_recipe

__all__ = ["SQL_PAYLOAD", "Recipe", "RecipeError", "Rows", "compile_hashing", "compile_recipe", "lint"]
