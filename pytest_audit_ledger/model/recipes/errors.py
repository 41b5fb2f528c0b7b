"""The mistake that a recipe is refused with."""

from __future__ import annotations

Path = tuple["str | int", ...]
"""Where in a recipe's data: keys of mappings and places in lists, from the outside in."""


class RecipeError(ValueError):
    """A recipe that says something impossible; the loader of profiles adds file, line and column."""

    def __init__(self, path: Path, message: str) -> None:
        """Take where the mistake is in the data that was compiled, and what is wrong, with what would be right."""
        super().__init__(message)
        self.path = path
