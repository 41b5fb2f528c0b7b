"""How many examples a law is tried with."""

from __future__ import annotations

from hypothesis import settings

DEFAULT = 100


def examples(count: int) -> settings:
    """Return the settings of a law that needs so many examples; `make quick`, by its profile, tries a part of them."""
    return settings(max_examples=max(1, count * settings().max_examples // DEFAULT))
