"""Which ledgers have checkpoints: those whose entries have positions 1, 2, 3 … No I/O.

With one chain, the position of an entry is its number. With streams, it is its place in the order in which all entries
were written, by the role `order`.
"""

from __future__ import annotations

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.profile import ORDER, Profile


def refuse_without_positions(profile: Profile) -> None:
    """Raise UsageError if the entries of a ledger have no positions in a checkpoint, by its profile."""
    reason = _obstacle(profile)
    if reason:
        raise UsageError(
            f"There are no checkpoints of a ledger with the profile {profile.name}: {reason}.",
            "Keep exports or backups where the database's administrators cannot write. To compare one with the ledger, "
            "run `audit-ledger diff BACKUP DSN`.",
        )


def has_positions(profile: Profile) -> bool:
    """Return whether the entries of a ledger have positions in a checkpoint."""
    return not _obstacle(profile)


def _obstacle(profile: Profile) -> str:
    if profile.streams:
        chains = f"it has a chain for each {' and '.join(profile.streams)}"
        return "" if profile.has(ORDER) else f"{chains}, and no role order that says in which order all were written"
    if profile.first != 1:
        return "its numbers do not start at 1, so they are not positions"
    if profile.gaps or any(quirk.what in ("gap", "fork") for quirk in profile.accepted):
        return "its numbers can be skipped or occur twice, so they are not positions"
    return ""


def at_position(profile: Profile, position: int) -> str:
    """Return an entry in words by its position, which is its number if the ledger has one chain."""
    return f"the entry at position {position:,} in the order of writing" if profile.streams else f"entry {position:,}"


def within(first: int, last: int, one: str, *, has_streams: bool) -> str:
    """Return a range of positions in words; `one` of its entries is meant, or the only one."""
    if not has_streams:
        return f"entry {last:,}" if first == last else f"{one} between {first:,} and {last:,}"
    if first == last:
        return f"the entry at position {last:,} in the order of writing"
    return f"{one} between the positions {first:,} and {last:,} in the order of writing"
