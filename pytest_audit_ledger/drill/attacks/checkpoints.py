"""Attacks on the checkpoints themselves, alone or to cover an edit: roll back, lose, re-sign, edit."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import Checkpoint, Note, SigningKey
from pytest_audit_ledger.checkpoints.record import json_file, note_file
from pytest_audit_ledger.checkpoints.store import SUFFIX
from pytest_audit_ledger.drill.attacks.attack import FOLDER, Claim, Target, attack
from pytest_audit_ledger.drill.attacks.changes import EXCUSE
from pytest_audit_ledger.drill.attacks.claims import REQUIRED, SIGNED
from pytest_audit_ledger.drill.attacks.entries import edit_and_rewrite
from pytest_audit_ledger.model.duration import duration

STRANGER = sha256(b"a key of checkpoints that nobody was told of").digest()

REQUIRING = Claim("checkpoint", "require")


def _limited(kept: Callable[[Target], int]) -> Claim:
    """Return the claim of `max_unanchored`, if the entries up to `kept` are still in a checkpoint after the attack."""

    def unless(target: Target, limit: str) -> str:
        first = kept(target) + 1
        ((count, age),) = target.ledger.execute(
            'SELECT pg_catalog.count(*), pg_catalog.now() - pg_catalog.min("timestamp") '
            "FILTER (WHERE sequence_number = {first}) FROM {ledger} WHERE sequence_number >= {first}",
            first=first,
        )
        if limit.isdecimal():
            left = f"The attack leaves {count:,} entries without a checkpoint, and you allow {int(limit):,}."
            return f"{left} Use a larger copy." if count <= int(limit) else ""
        left = f"The attack leaves entry {first:,} without a checkpoint, and you allow that for {limit}."
        return f"{left} The copy is newer than that." if age is None or age <= duration(limit) else ""

    return Claim("checkpoint", "max_unanchored", unless)


def _checkpoints(target: Target) -> list[Path]:
    """Return the checkpoints in the folder, the oldest first."""
    return sorted(target.checkpoints.glob(f"*{SUFFIX}")) if target.checkpoints else []


def _has_checkpoint(target: Target) -> str | None:
    return None if _checkpoints(target) else "There are no checkpoints to attack."


def _has_older(target: Target) -> str | None:
    return None if len(_checkpoints(target)) > 1 else "There is no older checkpoint to go back to."


def _lose(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _parts(checkpoint: Path) -> tuple[Path, Path, Path]:
    """Return a checkpoint's file, and the two of its record."""
    return checkpoint, json_file(checkpoint), note_file(checkpoint)


def _size(checkpoint: Path) -> int:
    return Checkpoint.parse(Note.parse(checkpoint.read_bytes()).text).size


@attack(
    "roll back ledger and checkpoints",
    who=FOLDER,
    limit="A run only knows the checkpoints it is given, and everything the older one says is still true.",
    remedy="Keep checkpoints in append-only storage, or check the ledger against a second, separate folder.",
    applies=_has_older,
)
def checkpoint_rolled_back(target: Target) -> None:
    """Delete the newest checkpoint, and every entry that the previous one does not cover."""
    *_, older, newest = _checkpoints(target)
    _lose(*_parts(newest))
    target.ledger.delete(_size(older) + 1, target.ledger.bounds()[1])


@attack(
    "lose the newest checkpoint and rewrite the entries it covers",
    who=FOLDER,
    noticed_by=(_limited(lambda target: _size(_checkpoints(target)[-2])),),
    remedy="Limit how many entries may be newer than the newest checkpoint: --ledger-max-unanchored.",
    applies=_has_older,
)
def newest_checkpoint_lost(target: Target) -> None:
    """Delete the newest checkpoint, edit an entry that the previous one does not cover, and rewrite later hashes."""
    _lose(*_parts(_checkpoints(target)[-1]))
    edit_and_rewrite.perform(target)


@attack(
    "lose every checkpoint and rewrite the chain",
    who=FOLDER,
    noticed_by=(REQUIRING, _limited(lambda _: 0)),
    remedy=REQUIRED,
    applies=_has_checkpoint,
)
def checkpoints_lost(target: Target) -> None:
    """Delete every checkpoint, edit an entry and rewrite later hashes."""
    for checkpoint in _checkpoints(target):
        _lose(*_parts(checkpoint))
    edit_and_rewrite.perform(target)


@attack(
    "lose a checkpoint's record and edit a column that only the record covers",
    who=FOLDER,
    noticed_by=(REQUIRING,),
    remedy=REQUIRED,
    applies=_has_older,
)
def record_lost(target: Target) -> None:
    """Delete the record of the newest checkpoint, and edit the notes on an escalation, which no hash covers."""
    _lose(*_parts(_checkpoints(target)[-1])[1:])
    target.ledger.store([target.middle], escalation_notes=EXCUSE)


@attack("sign every checkpoint with another key", who=FOLDER, noticed_by=(SIGNED,), applies=_has_checkpoint)
def checkpoints_rekeyed(target: Target) -> None:
    """Sign every checkpoint and record again, with an unknown key that has the same name."""
    for checkpoint in _checkpoints(target):
        for file in (checkpoint, note_file(checkpoint)):
            if file.exists():
                note = Note.parse(file.read_bytes())
                file.write_bytes(SigningKey(note.signatures[0].name, STRANGER).sign(note.text))


@attack("edit a checkpoint", who=FOLDER, noticed_by=(SIGNED,), applies=_has_checkpoint)
def checkpoint_edited(target: Target) -> None:
    """Let the newest checkpoint cover one entry fewer, and keep its signature."""
    newest = _checkpoints(target)[-1]
    size = _size(newest)
    newest.write_bytes(newest.read_bytes().replace(f"\n{size}\n".encode(), f"\n{size - 1}\n".encode(), 1))


@attack("edit a checkpoint's record", who=FOLDER, noticed_by=(SIGNED,), applies=_has_checkpoint)
def record_edited(target: Target) -> None:
    """Remove the table's protections from the record of the newest checkpoint."""
    file = json_file(_checkpoints(target)[-1])
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "guards": {}}), encoding="utf-8")
