"""Two kinds that are not in the package: every FLAG says why, and no value is a placeholder."""

from typing import ClassVar

from pytest_audit_ledger.kinds import Batch, Finding, RowKind, ScanKind


class ReasonedFlags(ScanKind):
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


class NoPlaceholders(RowKind):
    """No value of the column stands for one that somebody meant to supply later."""

    name = "no_placeholders"
    rule = "No value of the column is a placeholder."
    remedy = "Find out what wrote the values shown, and have it wait for the real ones."
    code = "PLACEHOLDER"
    parameters_schema: ClassVar = {"column": {"type": "string"}, **RowKind.parameters_schema}
    required_parameters = ("column",)

    def judged(self) -> str:
        """Return the SQL condition of an entry that can be judged."""
        return f"{self.column()} IS NOT NULL"

    def unexpected(self) -> str:
        """Return the SQL condition of one that is not as expected."""
        return f"lower({self.column()}::text) = ANY (%(check.placeholders)s)"

    def values(self) -> dict[str, list[str]]:
        """Return the values in these conditions, which the server binds."""
        return {"placeholders": ["n/a", "none", "tbd", "todo"]}


def pytest_ledger_register_kinds() -> list[type[ScanKind] | type[RowKind]]:
    """Add the kinds."""
    return [ReasonedFlags, NoPlaceholders]
