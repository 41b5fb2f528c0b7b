"""Inner pytest runs, as in tests/plugin."""

from tests.plugin.conftest import run

__all__ = ["run"]
