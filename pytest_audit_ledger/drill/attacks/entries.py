"""Attacks on single entries: edits, insertions, forks, other times, and columns that no hash covers."""

from __future__ import annotations

from datetime import datetime, timedelta

from pytest_audit_ledger.drill.attacks.attack import WRITER, Target, attack, has_columns
from pytest_audit_ledger.drill.attacks.changes import (
    EXCUSE,
    append_after,
    drop_checks,
    drop_keys,
    edit_content,
    edit_thoroughly,
)
from pytest_audit_ledger.drill.attacks.claims import (
    ENVELOPES,
    HASHES,
    LINKS,
    NUMBERS,
    SIGNED,
    SIGNED_GUARDS,
    TABLE,
    TIMES,
    VERDICTS,
)
from pytest_audit_ledger.model.entry import canonical_timestamp
from pytest_audit_ledger.model.profile import PREVIOUS, VERDICT
from pytest_audit_ledger.model.profile_coverage import hashed_columns


def _hashes_verdicts(target: Target) -> str | None:
    profile = target.ledger.profile
    covered = hashed_columns(profile, profile.version) if profile.version else {profile.version_column}
    if VERDICT in profile.columns and profile.column(VERDICT) in (covered or ()) and len(profile.values[VERDICT]) > 1:
        return None
    return f"The profile {profile.name} has no verdicts with known values that its hashes cover."


@attack("edit an entry", noticed_by=(HASHES, SIGNED), by_roles=True)
def edit(target: Target) -> None:
    """Change what one entry says, also in its envelope and the envelope's hash, but keep the entry hash."""
    edit_content(target.ledger, target.middle)


@attack("edit the verdict of an entry", noticed_by=(HASHES, ENVELOPES, SIGNED), applies=_hashes_verdicts, by_roles=True)
def verdict_edited(target: Target) -> None:
    """Change one verdict to another known one, and nothing else."""
    verdict = target.ledger.row(target.middle)[target.ledger.profile.column(VERDICT)]
    other = next(one for one in target.ledger.profile.values[VERDICT] if one != verdict)
    target.ledger.store([target.middle], verdict=other)


@attack("edit an entry and its own hash", noticed_by=(LINKS, SIGNED), by_roles=True)
def edit_with_own_hash(target: Target) -> None:
    """Change what one entry says and its hash; the next entry still names the old hash."""
    edit_content(target.ledger, target.middle)
    target.ledger.relink(target.middle, target.middle)


@attack("edit an entry and rewrite later hashes", noticed_by=(SIGNED,), by_roles=True)
def edit_and_rewrite(target: Target) -> None:
    """Change what one entry says, and rewrite its hash and the hashes and links of later entries."""
    edit_content(target.ledger, target.middle)
    target.ledger.relink(target.middle)


@attack("insert an entry and renumber later ones", noticed_by=(LINKS, HASHES, SIGNED), by_roles=True)
def inserted(target: Target) -> None:
    """Insert an entry with a valid hash and link before the middle, and renumber later entries."""
    target.ledger.renumber(target.middle, 1)
    append_after(target.ledger, target.middle - 1, target.middle - 1)


@attack("insert an entry and rewrite later hashes", noticed_by=(SIGNED,), by_roles=True)
def inserted_and_rewritten(target: Target) -> None:
    """Insert an entry before the middle, renumber later entries, and rewrite their hashes and links."""
    inserted.perform(target)
    target.ledger.relink(target.middle)


@attack("swap two entries", noticed_by=(LINKS, HASHES, TIMES, SIGNED), by_roles=True)
def swapped(target: Target) -> None:
    """Exchange the sequence numbers of an entry and the next one."""
    here, free = target.middle, target.ledger.bounds()[1] + 1
    for old, new in ((here, free), (here + 1, here), (free, here + 1)):
        target.ledger.store([old], sequence_number=new)


@attack("duplicate an entry", noticed_by=(LINKS, NUMBERS, TABLE, SIGNED, SIGNED_GUARDS), by_roles=True)
def duplicated(target: Target) -> None:
    """Drop the constraints that forbid it, and copy an entry with its sequence number and hash."""
    drop_keys(target.ledger, but=target.ledger.new_keys())
    target.ledger.insert_like(target.middle)


@attack("fork the chain at an entry", noticed_by=(LINKS, NUMBERS, TABLE, SIGNED, SIGNED_GUARDS))
def forked(target: Target) -> None:
    """Insert a second entry with the same sequence number and link, whose own hash is valid."""
    drop_keys(target.ledger, but=("id", "entry_hash", "telemetry_id"))
    before, here = target.middle - 1, target.ledger.entry(target.middle)
    append_after(target.ledger, before, before, timestamp=here.timestamp)


def _names_the_entry_before(target: Target) -> str | None:
    ledger = target.ledger
    if ledger.sql_payload and not ledger.profile.has(PREVIOUS):
        return "The server looks up the hash before, so a new entry always names that of the last one."
    return None


@attack(
    "let two writers continue from one entry",
    who=WRITER,
    noticed_by=(LINKS,),
    applies=_names_the_entry_before,
    by_roles=True,
)
def forked_at_the_end(target: Target) -> None:
    """Append an entry that links to the last but one, like a writer that did not see the last."""
    last = target.ledger.bounds()[1]
    append_after(target.ledger, last, last - 1)


@attack("set the clock back and rewrite later hashes", noticed_by=(TIMES, SIGNED))
def clock_moved_back(target: Target) -> None:
    """Date an entry one second before the previous one, and rewrite later hashes and links."""
    before = datetime.fromisoformat(target.ledger.entry(target.middle - 1).timestamp)
    target.ledger.store([target.middle], timestamp=canonical_timestamp(before - timedelta(seconds=1)))
    target.ledger.relink(target.middle)


@attack("date the last entry in the future", noticed_by=(TIMES, SIGNED))
def future_date(target: Target) -> None:
    """Date the last entry in the year 9000, with a matching hash."""
    last = target.ledger.bounds()[1]
    target.ledger.store([last], timestamp="9000-01-01T00:00:00+00:00")
    target.ledger.relink(last)


@attack("set a timestamp to infinity", noticed_by=(HASHES, TIMES, SIGNED))
def infinite_time(target: Target) -> None:
    """Set the timestamp of one entry to infinity, which no payload can hold."""
    target.ledger.store([target.middle], timestamp="infinity")


@attack("store an unknown verdict", noticed_by=(VERDICTS, TABLE, SIGNED, SIGNED_GUARDS))
def foreign_verdict(target: Target) -> None:
    """Drop the CHECK on verdict, store an unknown one in an entry and its envelope, and rewrite later hashes."""
    drop_checks(target.ledger, "verdict")
    edit_thoroughly(target.ledger, target.middle, verdict="MAYBE")
    target.ledger.relink(target.middle)


@attack("edit the id of an entry", noticed_by=(SIGNED,))
def id_edited(target: Target) -> None:
    """Give one entry the next free id, which no hash covers."""
    target.ledger.change(
        "UPDATE {ledger} SET id = (SELECT pg_catalog.max(id) + 1 FROM {ledger}) WHERE sequence_number = {middle}",
        middle=target.middle,
    )


@attack("edit when an entry was stored", noticed_by=(SIGNED,), applies=has_columns("created_at"))
def created_at_edited(target: Target) -> None:
    """Move created_at of one entry back by a day, which no hash covers."""
    target.ledger.change(
        "UPDATE {ledger} SET created_at = created_at - interval '1 day' WHERE sequence_number = {middle}",
        middle=target.middle,
    )


@attack("edit the escalation of an entry", noticed_by=(SIGNED,), applies=has_columns("escalation_status"))
def escalation_edited(target: Target) -> None:
    """Mark the escalation of one entry as closed, which no hash covers."""
    target.ledger.store([target.middle], escalation_status="closed by nobody")


@attack("edit the notes on an escalation", noticed_by=(SIGNED,), applies=has_columns("escalation_notes"))
def notes_edited(target: Target) -> None:
    """Change the notes on the escalation of one entry, which no hash covers."""
    target.ledger.store([target.middle], escalation_notes=EXCUSE)


@attack(
    "append a false entry",
    who=WRITER,
    limit="A ledger proves that entries have not changed since they were written, not that they were true.",
    remedy="Compare the ledger with the systems that its entries describe.",
    by_roles=True,
)
def false_entry(target: Target) -> None:
    """Append an entry with a valid hash and link that describes something that never happened."""
    last = target.ledger.bounds()[1]
    append_after(target.ledger, last, last)
