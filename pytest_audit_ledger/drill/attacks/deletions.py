"""Attacks that take entries away: in the middle, at either end, all of them; and what is put in their place."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import Target, attack
from pytest_audit_ledger.drill.attacks.changes import EXCUSE, edit_thoroughly
from pytest_audit_ledger.drill.attacks.claims import (
    CHECKPOINT,
    HASHES,
    LINKS,
    NUMBERS,
    SIGNED,
    TIMES,
    VERDICTS,
    default_suite,
)
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, listed

AT_ONCE = 3
"""How many entries are taken out of the middle."""

AT_THE_START = 4

AT_THE_END = 10


@attack(
    "delete entries in the middle",
    noticed_by=(LINKS, NUMBERS, SIGNED),
    remedy=default_suite(LINKS, NUMBERS),
)
def middle_deleted(target: Target) -> None:
    """Take three entries out, which leaves a gap in the numbers and a link to what is not there."""
    target.ledger.delete(target.middle, target.middle + AT_ONCE - 1)


@attack(
    "delete entries in the middle and renumber those after them",
    noticed_by=(LINKS, HASHES, SIGNED),
    remedy=default_suite(LINKS, HASHES),
)
def middle_deleted_and_renumbered(target: Target) -> None:
    """Take three entries out and close the gap in the numbers, which every hash covers."""
    middle_deleted.perform(target)
    target.ledger.renumber(target.middle, -AT_ONCE)


@attack("delete entries in the middle and rewrite every hash after them", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def middle_deleted_and_rewritten(target: Target) -> None:
    """Take three entries out, close the gap in the numbers, and link all that follow anew."""
    middle_deleted_and_renumbered.perform(target)
    target.ledger.relink(target.middle)


@attack(
    "delete entries at the start",
    noticed_by=(LINKS, NUMBERS, SIGNED),
    remedy=default_suite(LINKS, NUMBERS),
)
def start_deleted(target: Target) -> None:
    """Take the first four entries out, as an archiving that nobody was told of does."""
    target.ledger.delete(1, AT_THE_START)


@attack("delete entries at the start and rewrite every hash after them", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def start_deleted_and_rewritten(target: Target) -> None:
    """Take the first four entries out, number the rest from 1, and link all of them anew."""
    start_deleted.perform(target)
    target.ledger.renumber(AT_THE_START + 1, -AT_THE_START)
    target.ledger.relink(1)


@attack("cut entries off at the end", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def end_deleted(target: Target) -> None:
    """Take the last ten entries out, which leaves a shorter chain that holds."""
    last = target.ledger.bounds()[1]
    target.ledger.delete(last - AT_THE_END + 1, last)


@attack("edit an entry, rewrite every hash after it and cut off the end", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def rewritten_and_cut_off(target: Target) -> None:
    """Rewrite the chain from the middle on, and take the last ten entries out."""
    edit_thoroughly(target.ledger, target.middle, reasoning=EXCUSE)
    target.ledger.relink(target.middle)
    end_deleted.perform(target)


@attack(
    "empty the table",
    noticed_by=(LINKS, HASHES, NUMBERS, TIMES, VERDICTS, SIGNED),
    remedy=default_suite(LINKS),
)
def emptied(target: Target) -> None:
    """Take every entry out, with a TRUNCATE that no trigger refuses."""
    with target.ledger.guards_down():
        target.ledger.run(target.ledger.statement("TRUNCATE {ledger}"))


@attack("empty the table and write it anew", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def emptied_and_written_anew(target: Target) -> None:
    """Empty the table, put its rows back but for the first four, with another first one, and link all of them anew."""
    _written_anew(target.ledger)
    target.ledger.renumber(AT_THE_START + 1, -AT_THE_START)
    edit_thoroughly(target.ledger, 1, reasoning=EXCUSE)
    target.ledger.relink(1)


def _written_anew(ledger: ScratchLedger) -> None:
    """Take every row out and put those after the start back."""
    columns = listed(ledger.columns())
    ledger.run(ledger.statement("CREATE TEMP TABLE kept AS SELECT {columns} FROM {ledger}", columns=columns))
    with ledger.guards_down():
        ledger.run(ledger.statement("TRUNCATE {ledger}"))
        ledger.run(
            ledger.statement(
                "INSERT INTO {ledger} ({columns}) OVERRIDING SYSTEM VALUE "
                "SELECT {columns} FROM pg_temp.kept WHERE sequence_number > {start} ORDER BY sequence_number",
                columns=columns,
                start=AT_THE_START,
            )
        )
    ledger.run("DROP TABLE pg_temp.kept")


ATTACKS = (
    middle_deleted,
    middle_deleted_and_renumbered,
    middle_deleted_and_rewritten,
    start_deleted,
    start_deleted_and_rewritten,
    end_deleted,
    rewritten_and_cut_off,
    emptied,
    emptied_and_written_anew,
)
