"""Print README.md: which attacks three set-ups notice in a drill on a ledger of 100 entries."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_audit_ledger.drill.attacks.catalogue import SHIPPED
from pytest_audit_ledger.drill.ledger_copy import ThrowawayKeys
from pytest_audit_ledger.drill.matrix import AttackResult, Matrix, Noticed, Trial
from pytest_audit_ledger.drill.setup import SetUp
from pytest_audit_ledger.drill.trials import drill
from pytest_audit_ledger.kinds.registry import installed_kinds
from pytest_audit_ledger.kinds.run_parameters import run_parameters
from pytest_audit_ledger.suite.shipped import shipped_suites

ENTRIES = 100
MARK = "<!-- the matrix, which matrix.py prints -->\n"


def set_ups() -> list[SetUp]:
    """Return the default suite alone, with checkpoints, and with checkpoints and a transcript key."""
    keys = ThrowawayKeys.generate()  # the drill replaces them by its own
    checkpoints = {"checkpoints": ["checkpoints"], "verifier_keys": [str(keys.checkpoints.verifier())]}
    suites = tuple(shipped_suites(installed_kinds()))
    return [
        SetUp(suites, run_parameters(), "default suite"),
        SetUp(suites, run_parameters(**checkpoints), "with checkpoints"),
        SetUp(suites, run_parameters(**checkpoints, transcript_keys=[keys.pem]), "and a transcript key"),
    ]


def readme() -> str:
    """Return the text of README.md, which is unchanged up to the mark."""
    kept = Path(__file__).with_name("README.md").read_text(encoding="utf-8").partition(MARK)[0]
    return kept + MARK + "".join(f"{line}\n" for line in lines(drill(None, set_ups(), SHIPPED, entries=ENTRIES)))


def lines(matrices: Sequence[Matrix]) -> Iterator[str]:
    """Yield the result of each set-up, and a table with a row for each attack."""
    yield ""
    yield from (f"- **{matrix.name}**: {matrix.sentence}" for matrix in matrices)
    yield ""
    names = " | ".join(matrix.name for matrix in matrices)
    yield f"| attack | what it does | {names} | what else would notice it, or why nothing can |"
    yield "|---" * (3 + len(matrices)) + "|"
    for trials in zip(*(matrix.trials for matrix in matrices), strict=True):
        told = " | ".join(map(cell, trials))
        remedies = dict.fromkeys(trial.remedy for trial in trials if trial.remedy)
        yield f"| `{trials[0].attack}` | {trials[0].what} | {told} | {' '.join(remedies)} |"


def cell(trial: Trial) -> str:
    """Return how one set-up noticed an attack, if it did."""
    if trial.verdict is not AttackResult.NOTICED:
        return {
            AttackResult.NOT_COVERED: "**not noticed**",
            AttackResult.LIMIT: "**not noticed**",
            AttackResult.PREVENTED: "refused",
            AttackResult.NOT_APPLICABLE: "–",  # noqa: RUF001  (a dash for nothing to attack)
        }.get(trial.verdict, trial.verdict.value.upper())
    found = [one for one in trial.by if one.code]
    return ", ".join(map(place, found)) if found else f"{len(trial.by)} checks cannot be evaluated"


def place(one: Noticed) -> str:
    """Return a check, and the entry of its finding."""
    return one.check_id if one.sequence_number is None else f"{one.check_id} at {one.sequence_number}"


if __name__ == "__main__":
    print(readme(), end="")  # noqa: T201  (what it is for)
