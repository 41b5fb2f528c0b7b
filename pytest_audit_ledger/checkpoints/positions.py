"""Which ledgers have checkpoints: those whose entries have positions 1, 2, 3 … in one chain. No I/O.

A tree over several chains would need the order in which all entries were written, and its proofs the positions of their
entries in that order. No profile can promise both yet.
"""

from __future__ import annotations

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.profile import Profile


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
        return f"it has a chain for each {' and '.join(profile.streams)}, and a checkpoint covers one chain"
    if profile.first != 1:
        return "its numbers do not start at 1, so they are not positions"
    if profile.gaps or any(quirk.what in ("gap", "fork") for quirk in profile.accepted):
        return "its numbers can be skipped or occur twice, so they are not positions"
    return ""
