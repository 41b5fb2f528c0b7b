"""Attacks on single entries: edits, insertions, forks, other times, and what no hash covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from pytest_audit_ledger.drill.attacks.attack import WRITER, Target, attack, has_columns
from pytest_audit_ledger.drill.attacks.changes import EXCUSE, append_after, drop_checks, drop_keys, edit_thoroughly
from pytest_audit_ledger.drill.attacks.claims import (
    CHECKPOINT,
    ENVELOPES,
    HASHES,
    LINKS,
    NUMBERS,
    SIGNED,
    SIGNED_GUARDS,
    TABLE,
    TIMES,
    VERDICTS,
    default_suite,
)
from pytest_audit_ledger.model.entry import canonical_timestamp, entry_hash


@attack("edit an entry", noticed_by=(HASHES, SIGNED), remedy=default_suite(HASHES))
def edit(target: Target) -> None:
    """Give one entry another reasoning, and its envelope, where it has one, with its hash; not the entry its own."""
    edit_thoroughly(target.ledger, target.middle, reasoning=EXCUSE)


@attack(
    "edit the verdict of an entry",
    noticed_by=(HASHES, ENVELOPES, SIGNED),
    remedy=default_suite(HASHES),
)
def verdict_edited(target: Target) -> None:
    """Make CLEAR of another verdict, or FLAG of CLEAR, and change nothing else."""
    verdict = target.ledger.entry(target.middle).verdict
    target.ledger.store([target.middle], verdict="FLAG" if verdict == "CLEAR" else "CLEAR")


@attack(
    "edit an entry with its own hash",
    noticed_by=(LINKS, SIGNED),
    remedy=default_suite(LINKS),
)
def edit_with_own_hash(target: Target) -> None:
    """Give one entry another reasoning and the hash that fits; the next entry still names the old one."""
    digest = entry_hash(replace(target.ledger.entry(target.middle), reasoning=EXCUSE))
    edit_thoroughly(target.ledger, target.middle, reasoning=EXCUSE, entry_hash=digest)


@attack("edit an entry and rewrite every hash after it", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def edit_and_rewrite(target: Target) -> None:
    """Give one entry another reasoning, and it and all that follow the hashes and links of a chain that holds."""
    edit_thoroughly(target.ledger, target.middle, reasoning=EXCUSE)
    target.ledger.relink(target.middle)


@attack(
    "insert an entry and renumber those after it",
    noticed_by=(LINKS, HASHES, SIGNED),
    remedy=default_suite(LINKS, HASHES),
)
def inserted(target: Target) -> None:
    """Put an entry with a hash and a link that fit before the middle, and add one to every number that follows."""
    before = target.ledger.entry(target.middle - 1)
    target.ledger.renumber(target.middle, 1)
    append_after(target.ledger, before.sequence_number, entry_hash(before))


@attack("insert an entry and rewrite every hash after it", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def inserted_and_rewritten(target: Target) -> None:
    """Put an entry before the middle, renumber those that follow, and link all of them anew."""
    inserted.perform(target)
    target.ledger.relink(target.middle)


@attack(
    "swap two entries",
    noticed_by=(LINKS, HASHES, TIMES, SIGNED),
    remedy=default_suite(LINKS, HASHES),
)
def swapped(target: Target) -> None:
    """Let an entry and the next one change their sequence numbers."""
    here, free = target.middle, target.ledger.bounds()[1] + 1
    for old, new in ((here, free), (here + 1, here), (free, here + 1)):
        target.ledger.store([old], sequence_number=new)


@attack(
    "put an entry in twice",
    noticed_by=(LINKS, NUMBERS, TABLE, SIGNED, SIGNED_GUARDS),
    remedy=default_suite(NUMBERS),
)
def duplicated(target: Target) -> None:
    """Drop what forbids it, and copy an entry with its number and its hash."""
    drop_keys(target.ledger, but=("id",))
    target.ledger.insert_like(target.middle)


@attack(
    "fork the chain at an entry",
    noticed_by=(LINKS, NUMBERS, TABLE, SIGNED, SIGNED_GUARDS),
    remedy=default_suite(LINKS, NUMBERS),
)
def forked(target: Target) -> None:
    """Put a second entry in with the same number and the same link, which is consistent in itself."""
    drop_keys(target.ledger, but=("id", "entry_hash", "telemetry_id"))
    before, here = target.ledger.entry(target.middle - 1), target.ledger.entry(target.middle)
    append_after(target.ledger, before.sequence_number, entry_hash(before), timestamp=here.timestamp)


@attack(
    "let two writers go on from one entry",
    who=WRITER,
    noticed_by=(LINKS,),
    remedy=default_suite(LINKS),
)
def forked_at_the_end(target: Target) -> None:
    """Append an entry that names the hash of the last but one, as a writer does that did not see the last."""
    last = target.ledger.bounds()[1]
    append_after(target.ledger, last, entry_hash(target.ledger.entry(last - 1)))


@attack(
    "move the clock back and rewrite every hash after it",
    noticed_by=(TIMES, SIGNED),
    remedy=default_suite(TIMES),
)
def clock_moved_back(target: Target) -> None:
    """Date an entry one second before the one in front of it, and link all that follow anew."""
    before = datetime.fromisoformat(target.ledger.entry(target.middle - 1).timestamp)
    target.ledger.store([target.middle], timestamp=canonical_timestamp(before - timedelta(seconds=1)))
    target.ledger.relink(target.middle)


@attack(
    "date the last entry into the future",
    noticed_by=(TIMES, SIGNED),
    remedy=default_suite(TIMES),
)
def future_date(target: Target) -> None:
    """Date the last entry to the year 9000, with the hash that fits."""
    last = target.ledger.bounds()[1]
    target.ledger.store([last], timestamp="9000-01-01T00:00:00+00:00")
    target.ledger.relink(last)


@attack(
    "take the time from an entry",
    noticed_by=(HASHES, TIMES, SIGNED),
    remedy=default_suite(TIMES),
)
def infinite_time(target: Target) -> None:
    """Give an entry a timestamp later than every moment, which no canonical payload can hold."""
    target.ledger.store([target.middle], timestamp="infinity")


@attack(
    "store a verdict that there is not",
    noticed_by=(VERDICTS, TABLE, SIGNED, SIGNED_GUARDS),
    remedy=default_suite(VERDICTS),
)
def foreign_verdict(target: Target) -> None:
    """Drop what forbids it, give an entry and its envelope a sixth verdict, and link all that follow anew."""
    drop_checks(target.ledger, "verdict")
    edit_thoroughly(target.ledger, target.middle, verdict="MAYBE")
    target.ledger.relink(target.middle)


@attack("edit the id of an entry", noticed_by=(SIGNED,), remedy=CHECKPOINT)
def id_edited(target: Target) -> None:
    """Give one entry the next free id, which no hash covers."""
    target.ledger.change(
        "UPDATE {ledger} SET id = (SELECT pg_catalog.max(id) + 1 FROM {ledger}) WHERE sequence_number = {middle}",
        middle=target.middle,
    )


@attack("edit when an entry was stored", noticed_by=(SIGNED,), remedy=CHECKPOINT, applies=has_columns("created_at"))
def created_at_edited(target: Target) -> None:
    """Move created_at of one entry by a day, which no hash covers."""
    target.ledger.change(
        "UPDATE {ledger} SET created_at = created_at - interval '1 day' WHERE sequence_number = {middle}",
        middle=target.middle,
    )


@attack(
    "edit the escalation of an entry",
    noticed_by=(SIGNED,),
    remedy=CHECKPOINT,
    applies=has_columns("escalation_status"),
)
def escalation_edited(target: Target) -> None:
    """Call the escalation of one entry closed, which no hash covers."""
    target.ledger.store([target.middle], escalation_status="closed by nobody")


@attack(
    "edit the notes on an escalation",
    noticed_by=(SIGNED,),
    remedy=CHECKPOINT,
    applies=has_columns("escalation_notes"),
)
def notes_edited(target: Target) -> None:
    """Write another note on the escalation of one entry, which no hash covers."""
    target.ledger.store([target.middle], escalation_notes=EXCUSE)


@attack(
    "append an entry that nobody decided",
    who=WRITER,
    limit="A ledger proves that what was written has not changed since, not that it was true when it was written.",
    remedy="Reconcile the ledger with the systems that its entries tell of.",
)
def false_entry(target: Target) -> None:
    """Append an entry that is linked and hashed as it should be, and that tells of nothing that happened."""
    last = target.ledger.bounds()[1]
    append_after(target.ledger, last, entry_hash(target.ledger.entry(last)))


ATTACKS = (
    edit,
    verdict_edited,
    edit_with_own_hash,
    edit_and_rewrite,
    inserted,
    inserted_and_rewritten,
    swapped,
    duplicated,
    forked,
    forked_at_the_end,
    clock_moved_back,
    future_date,
    infinite_time,
    foreign_verdict,
    id_edited,
    created_at_edited,
    escalation_edited,
    notes_edited,
    false_entry,
)
