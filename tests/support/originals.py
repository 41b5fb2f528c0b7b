"""Functions of other projects, run from their own source, which is downloaded at a commit and never kept here.

Both projects need a database, a site and hundreds of modules to be imported, so only the functions that make hashes
are taken out of a file, and run with what a test gives them in place of the rest.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

CACHE = Path(sys.prefix) / "originals"
"""Where sources are kept that were downloaded, or put there by hand where GitHub cannot be reached.

No package registry has these versions: frappe on PyPI is an empty package, and odoo is not there.
"""


@dataclass(frozen=True)
class Original:
    """A file of a public repository on GitHub, at a commit, which fixes its content."""

    repository: str
    commit: str
    path: str

    def source(self) -> str:
        """Return the text of the file; skip the test if it cannot be had."""
        kept = CACHE / self.repository / self.commit / self.path
        if not kept.exists():
            try:
                address = f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"
                with urlopen(address, timeout=20) as answer:
                    content = answer.read()
            except (URLError, TimeoutError) as error:
                pytest.skip(f"{self.path} of {self.repository} cannot be downloaded ({error}); put it at {kept}")
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
        return kept.read_text(encoding="utf-8")

    def module(self) -> dict[str, Any]:
        """Return all names of a file that imports nothing but the standard library."""
        scope: dict[str, Any] = {"__name__": self.path}
        exec(compile(self.source(), self.path, "exec"), scope)
        return {name: value for name, value in scope.items() if not name.startswith("__")}

    def functions(self, names: set[str], given: Mapping[str, Any]) -> dict[str, Any]:
        """Return functions and methods by their names, without their decorators; `given` is what they refer to."""
        found = [one for one in ast.walk(ast.parse(self.source())) if isinstance(one, ast.FunctionDef)]
        taken = [one for one in found if one.name in names]
        assert {one.name for one in taken} == names, f"{self.path} does not define all of {', '.join(sorted(names))}"
        for one in taken:
            one.decorator_list = []
        scope = dict(given)
        exec(compile(ast.Module([*taken], []), self.path, "exec"), scope)
        return {name: scope[name] for name in names}
