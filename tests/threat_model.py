"""The attacks of the catalogue by who can make them, as the page examples/reference/threat-model.md lists them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_audit_ledger.drill.attacks.attack import FOLDER, OWNER, SUPERUSER, WRITER, Attack, Claim
from pytest_audit_ledger.drill.attacks.catalogue import CATALOGUE

PAGE = Path(__file__).parents[1] / "examples" / "reference" / "threat-model.md"
MARK = "<!-- `python -m tests.reference` writes the rest of this page. -->\n"
HEADINGS = {
    WRITER: "An application",
    OWNER: "The table's owner",
    SUPERUSER: "A superuser",
    FOLDER: "The table's owner who can also write to the checkpoints",
}
"""Headings for those who can make an attack, the one with the fewest rights first."""


def page() -> str:
    """Return the page: what is written by hand up to the mark, then the attacks as tables."""
    kept = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return kept + MARK + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    unnoticed = [one for one in CATALOGUE.values() if not one.noticed_by]
    yield ""
    yield (
        f"The drill knows {len(CATALOGUE)} attacks. For {len(unnoticed)} of them, no check notices what was done: "
        f"{', '.join(f'`{one.name}`' for one in unnoticed)}."
    )
    for who, heading in HEADINGS.items():
        yield ""
        yield f"### {heading}"
        yield ""
        yield "| attack | what it does | what notices it | why nothing does, and what to do |"
        yield "|---|---|---|---|"
        yield from (_row(one) for one in CATALOGUE.values() if one.who == who)


def _row(attack: Attack) -> str:
    claims = dict.fromkeys(map(_claim, attack.noticed_by))
    limit = f"{attack.limit} {attack.remedy}" if attack.limit else ""
    return f"| `{attack.name}` | {attack.what} | {', '.join(claims) or '**nothing**'} | {limit} |"


def _claim(claim: Claim) -> str:
    return f"`{claim.kind}` with `{claim.parameter}`" if claim.parameter else f"`{claim.kind}`"
