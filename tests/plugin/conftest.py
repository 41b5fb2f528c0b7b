"""Inner pytest runs, as a user starts them: a subprocess with the installed plugin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunLedger = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunLedger:
    """Run pytest in a folder of its own with these arguments, without what the outer run has in its environment."""
    for name in ("PYTEST_ADDOPTS", "LEDGER_DSN", "COLUMNS", "PYTEST_XDIST_WORKER", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)

    def run_pytest(*arguments: str) -> pytest.RunResult:
        unused = ("cacheprovider", "anyio", "hypothesispytest", "unraisableexception")  # a third of the time of a run
        quick = [word for name in unused for word in ("-p", f"no:{name}")]
        return pytester.runpytest_subprocess(*quick, *arguments, timeout=60)

    return run_pytest
