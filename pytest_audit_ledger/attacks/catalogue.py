"""The catalogue (stub)."""

from dataclasses import replace

from pytest_audit_ledger.attacks.base import Attack, Claim, Target

OWNER = "the owner of the table"


def _edit(target: Target) -> None:
    target.ledger.unguarded(
        f"UPDATE ledger_entries SET reasoning = 'nothing to see' WHERE sequence_number = {target.middle}"
    )


def _rewrite(target: Target) -> None:
    target.ledger.rewrite(target.middle, lambda entry: replace(entry, reasoning="nothing to see"))


def _append(target: Target) -> None:
    last = list(target.ledger.entries())[-1]
    from pytest_audit_ledger.entry import entry_hash

    target.ledger.append(
        [replace(last, sequence_number=last.sequence_number + 1, previous_hash=entry_hash(last))]
    )


def _lost(target: Target) -> None:
    assert target.checkpoints
    for path in target.checkpoints.iterdir():
        path.unlink()


def _strip(target: Target) -> None:
    target.ledger.unguarded(
        f"UPDATE ledger_entries SET transcript_json = NULL, transcript_signature = NULL, signing_key_id = NULL WHERE sequence_number = {target.middle}"
    )

def _fails(target: Target) -> None:
    from pytest_audit_ledger.errors import SourceError
    raise SourceError("It could not be done <b>at all</b>.", "Try again.")


_CHECKPOINT = Claim("checkpoint")
CATALOGUE = {
    one.name: one
    for one in (
        Attack("edit", "edit an entry", OWNER, "Changes the reasoning of one entry.", (Claim("entry_hash"),), _edit),
        Attack("edit-and-rewrite", "edit an entry and rewrite every hash after it", OWNER, "Changes the reasoning of one entry, and gives it and every later one a hash and a link that fit.", (_CHECKPOINT,), _rewrite, remedy="Keep a checkpoint outside of the database (--checkpoint)."),
        Attack("append-forged", "append an entry that never was", OWNER, "Appends.", (), _append, limit="A ledger cannot tell what its writer was told."),
        Attack("checkpoints-lost", "delete every checkpoint", "access to the folder", "Deletes.", (Claim("checkpoint", "require"),), _lost, remedy="Require checkpoints (--require-checkpoint).", applies=lambda t: None if t.checkpoints else "no checkpoint is given"),
        Attack("strip", "strip a transcript", OWNER, "Strips.", (Claim("transcript_signature"),), _strip),
        Attack("fails", "fail", OWNER, "Fails.", (Claim("transcript_signature"),), _fails),
    )
}
