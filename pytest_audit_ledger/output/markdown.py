"""Write text as Markdown (GitHub's and GitLab's), so that no text of a ledger becomes markup, a link or HTML.

Sources: CommonMark 0.31, "Backslash escapes" and "Code spans"; GitHub Flavored Markdown, "Tables" and "Autolinks".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_audit_ledger.commands import LONGEST_ADVICE, pieces
from pytest_audit_ledger.model.outcome import Outcome
from pytest_audit_ledger.model.printable import LONGEST_VALUE, printable

SHOWN = 5
"""Findings of each check."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#@])")


def escaped(text: str, limit: int = 2_000) -> str:
    """Return our own words as text; use `code` for values of a ledger, so that addresses do not become links."""
    return _SPECIAL.sub(r"\\\1", printable(text, limit))


def advised(text: str) -> str:
    """Return advice as text, with the commands in it as code."""
    shown = (code(piece, LONGEST_ADVICE) if is_command else escaped(piece) for piece, is_command in pieces(text))
    return "".join(shown)


def code(text: str, limit: int = LONGEST_VALUE) -> str:
    """Return a value as code, without links and HTML; also for table cells."""
    shown = printable(text, limit).replace("|", "\\|") or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def told(outcome: Outcome) -> Iterator[str]:
    """Yield the lines that say what a check found: its rule, why it ended so, and the first findings."""
    yield f"**{escaped(outcome.check_id)}: {outcome.status.value}.** {escaped(outcome.rule)}"
    yield ""
    if outcome.reason:
        yield f"- {code(outcome.reason)}"
    for finding in outcome.findings[:SHOWN]:
        where = f" at {escaped(finding.where)}" if finding.where else ""
        yield f"- {escaped(finding.code)}{where}: {code(finding.message)}"
    left_out = sum(outcome.codes.values()) - min(len(outcome.findings), SHOWN)
    if left_out > 0:
        yield f"- … and {left_out:,} more"
