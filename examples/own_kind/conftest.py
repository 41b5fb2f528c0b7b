"""A kind that is not in the package: every FLAG says why."""

from typing import ClassVar

from pytest_audit_ledger import Batch, Finding, Fold


class ReasonedFlags(Fold):
    """Every FLAG has a reasoning of at least `shortest` characters."""

    name = "reasoned_flags"
    rule = "Every FLAG has a reasoning."
    remedy = "Ask the owner of the rule to have the writer give one; entries that exist stay as they are."
    columns = ("verdict", "reasoning")
    parameters_schema: ClassVar = {"shortest": {"type": "integer", "minimum": 1, "default": 1}}

    def feed(self, batch: Batch) -> None:
        """Look at the flags of a batch."""
        rows = zip(batch.sequence_numbers, batch.values("verdict"), batch.values("reasoning"), strict=True)
        for number, verdict, reasoning in rows:
            if verdict == "FLAG" and len(reasoning or "") < self.parameters["shortest"]:
                self.findings.add(
                    Finding("FLAG_UNEXPLAINED", "the reasoning is too short", number, actual=reasoning or "")
                )


def pytest_ledger_register_kinds() -> list[type[ReasonedFlags]]:
    """Add the kind."""
    return [ReasonedFlags]
