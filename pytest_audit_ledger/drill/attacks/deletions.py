"""Attacks that delete entries: in the middle, at either end, all of them; and attacks that hide the deletion."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import Target, attack
from pytest_audit_ledger.drill.attacks.changes import edit_content
from pytest_audit_ledger.drill.attacks.claims import HASHES, LINKS, NUMBERS, SIGNED, SIGNED_GUARDS, TIMES, VERDICTS
from pytest_audit_ledger.scratch.scratch_ledger import ScratchLedger, listed

IN_THE_MIDDLE, AT_THE_START, AT_THE_END = 3, 4, 10
"""How many entries are deleted at each place."""


@attack("delete entries in the middle", noticed_by=(LINKS, NUMBERS, SIGNED), by_roles=True)
def middle_deleted(target: Target) -> None:
    """Delete three entries, which leaves a gap in the sequence and a link to a missing entry."""
    target.ledger.delete(target.middle, target.middle + IN_THE_MIDDLE - 1)


@attack("delete entries in the middle and renumber later ones", noticed_by=(LINKS, HASHES, SIGNED), by_roles=True)
def middle_deleted_and_renumbered(target: Target) -> None:
    """Delete three entries and close the gap in the sequence; every hash covers the sequence number."""
    middle_deleted.perform(target)
    target.ledger.renumber(target.middle, -IN_THE_MIDDLE)


@attack("delete entries in the middle and rewrite later hashes", noticed_by=(SIGNED,), by_roles=True)
def middle_deleted_and_rewritten(target: Target) -> None:
    """Delete three entries, close the gap in the sequence, and rewrite the hashes and links of later entries."""
    middle_deleted_and_renumbered.perform(target)
    target.ledger.relink(target.middle)


@attack("delete entries at the start", noticed_by=(LINKS, NUMBERS, SIGNED), by_roles=True)
def start_deleted(target: Target) -> None:
    """Delete the first four entries, as an unannounced archiving job would."""
    first = target.ledger.bounds()[0]
    target.ledger.delete(first, first + AT_THE_START - 1)


@attack("delete entries at the start and rewrite all hashes", noticed_by=(SIGNED,), by_roles=True)
def start_deleted_and_rewritten(target: Target) -> None:
    """Delete the first four entries, number the rest from 1, and rewrite all hashes and links."""
    start_deleted.perform(target)
    target.ledger.renumber(target.ledger.bounds()[0], -AT_THE_START)
    target.ledger.relink(target.ledger.bounds()[0])


@attack("cut off entries at the end", noticed_by=(SIGNED,), by_roles=True)
def end_deleted(target: Target) -> None:
    """Delete the last ten entries, which leaves a shorter, valid chain."""
    last = target.ledger.bounds()[1]
    target.ledger.delete(last - AT_THE_END + 1, last)


@attack("edit an entry, rewrite later hashes and cut off the end", noticed_by=(SIGNED,), by_roles=True)
def rewritten_and_cut_off(target: Target) -> None:
    """Edit the middle entry, rewrite the chain from there, and delete the last ten entries."""
    edit_content(target.ledger, target.middle)
    target.ledger.relink(target.middle)
    end_deleted.perform(target)


@attack("empty the table", noticed_by=(LINKS, HASHES, NUMBERS, TIMES, VERDICTS, SIGNED, SIGNED_GUARDS), by_roles=True)
def emptied(target: Target) -> None:
    """TRUNCATE the table, with its triggers switched off for that moment."""
    with target.ledger.guards_down():
        target.ledger.execute("TRUNCATE {ledger}")


@attack("empty the table and fill it again", noticed_by=(SIGNED, SIGNED_GUARDS), by_roles=True)
def emptied_and_written_again(target: Target) -> None:
    """Empty the table, restore all but the first four rows, edit the new first one, and rewrite all hashes."""
    _written_again(target.ledger)
    target.ledger.renumber(target.ledger.bounds()[0], -AT_THE_START)
    edit_content(target.ledger, target.ledger.bounds()[0])
    target.ledger.relink(target.ledger.bounds()[0])


def _written_again(ledger: ScratchLedger) -> None:
    """Delete every row and restore those after the start."""
    columns, start = listed(ledger.columns()), ledger.bounds()[0] + AT_THE_START - 1
    ledger.execute("CREATE TEMP TABLE kept AS SELECT {columns} FROM {ledger}", columns=columns)
    with ledger.guards_down():
        ledger.execute("TRUNCATE {ledger}")
        ledger.execute(
            "INSERT INTO {ledger} ({columns}) OVERRIDING SYSTEM VALUE "
            "SELECT {columns} FROM pg_temp.kept AS entry WHERE NOT ({scope} AND {sequence} <= {start})",
            columns=columns,
            start=start,
        )
    ledger.run("DROP TABLE pg_temp.kept")
