"""Attacks on the checkpoints themselves: rolled back, lost, signed by another key; alone, or to cover an edit."""

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
from pytest_audit_ledger.drill.attacks.claims import REQUIRED, SIGNED, VERIFIER_KEY
from pytest_audit_ledger.drill.attacks.entries import edit_and_rewrite
from pytest_audit_ledger.model.duration import duration

STRANGER = sha256(b"a key of checkpoints that nobody was told of").digest()

REQUIRING = Claim("checkpoint", "require")


def _limited(kept: Callable[[Target], int]) -> Claim:
    """Return the claim of a limit to what is in no checkpoint, where the entries up to `kept` are in one at the end."""

    def unless(target: Target, limit: str) -> str:
        first = kept(target) + 1
        ((count, age),) = target.ledger.run(
            target.ledger.statement(
                'SELECT pg_catalog.count(*), pg_catalog.now() - pg_catalog.min("timestamp") '
                "FILTER (WHERE sequence_number = {first}) FROM {ledger} WHERE sequence_number >= {first}",
                first=first,
            )
        )
        if limit.isdecimal():
            left = f"{count:,} entries were left in none, and {int(limit):,} may be. Attack a larger one."
            return f"The copy is smaller than what you allow in no checkpoint: {left}" if count <= int(limit) else ""
        left = f"entry {first:,} was left in none, and may be for {limit}."
        young = age is None or age <= duration(limit)
        return f"The copy is newer than what you allow in no checkpoint: {left}" if young else ""

    return Claim("checkpoint", "max_unanchored", unless)


def _checkpoints(target: Target) -> list[Path]:
    """Return the checkpoints in the folder, the oldest first."""
    return sorted(target.checkpoints.glob(f"*{SUFFIX}")) if target.checkpoints else []


def _has_checkpoint(target: Target) -> str | None:
    return None if _checkpoints(target) else "There are no checkpoints to tamper with."


def _has_older(target: Target) -> str | None:
    return None if len(_checkpoints(target)) > 1 else "There is no older checkpoint to go back to."


def _lose(checkpoint: Path) -> None:
    for file in (checkpoint, json_file(checkpoint), note_file(checkpoint)):
        file.unlink(missing_ok=True)


def _size(checkpoint: Path) -> int:
    return Checkpoint.parse(Note.parse(checkpoint.read_bytes()).text).size


@attack(
    "roll ledger and checkpoints back",
    who=FOLDER,
    limit="A run knows of no other checkpoints than those it is given, and the older one is right in all that it says.",
    remedy="Keep checkpoints where they can only be added to, or hold the ledger against a second folder out of reach.",
    applies=_has_older,
)
def checkpoint_rolled_back(target: Target) -> None:
    """Delete the newest checkpoint, and every entry that the one before it does not speak of."""
    *_, older, newest = _checkpoints(target)
    _lose(newest)
    target.ledger.delete(_size(older) + 1, target.ledger.bounds()[1])


@attack(
    "lose the newest checkpoint and rewrite what it was about",
    who=FOLDER,
    noticed_by=(_limited(lambda target: _size(_checkpoints(target)[-2])),),
    remedy="Say how many entries may be in no checkpoint, the fewer the better: --ledger-max-unanchored.",
    applies=_has_older,
)
def newest_checkpoint_lost(target: Target) -> None:
    """Delete the newest checkpoint, edit an entry that the one before it does not speak of, and rewrite the chain."""
    _lose(_checkpoints(target)[-1])
    edit_and_rewrite.perform(target)


@attack(
    "lose every checkpoint and rewrite the chain",
    who=FOLDER,
    noticed_by=(REQUIRING, _limited(lambda _: 0)),
    remedy=REQUIRED,
    applies=_has_checkpoint,
)
def checkpoints_lost(target: Target) -> None:
    """Delete every checkpoint, edit an entry and rewrite every hash after it."""
    for checkpoint in _checkpoints(target):
        _lose(checkpoint)
    edit_and_rewrite.perform(target)


@attack(
    "lose the record beside a checkpoint and edit what only it covers",
    who=FOLDER,
    noticed_by=(REQUIRING,),
    remedy=REQUIRED,
    applies=_has_older,
)
def record_lost(target: Target) -> None:
    """Delete the record beside the newest checkpoint, and edit notes on an escalation, which no hash covers."""
    newest = _checkpoints(target)[-1]
    for file in (json_file(newest), note_file(newest)):
        file.unlink(missing_ok=True)
    target.ledger.store([target.middle], escalation_notes=EXCUSE)


@attack(
    "sign every checkpoint with another key",
    who=FOLDER,
    noticed_by=(SIGNED,),
    remedy=VERIFIER_KEY,
    applies=_has_checkpoint,
)
def checkpoints_rekeyed(target: Target) -> None:
    """Sign every checkpoint and record anew with a key of the same name that nobody was told of."""
    for checkpoint in _checkpoints(target):
        for file in (checkpoint, note_file(checkpoint)):
            if file.exists():
                note = Note.parse(file.read_bytes())
                file.write_bytes(SigningKey(note.signatures[0].name, STRANGER).sign(note.text))


@attack(
    "edit a checkpoint",
    who=FOLDER,
    noticed_by=(SIGNED,),
    remedy=VERIFIER_KEY,
    applies=_has_checkpoint,
)
def checkpoint_edited(target: Target) -> None:
    """Let the newest checkpoint speak of one entry fewer, under the signature that it has."""
    newest = _checkpoints(target)[-1]
    size = _size(newest)
    newest.write_bytes(newest.read_bytes().replace(f"\n{size}\n".encode(), f"\n{size - 1}\n".encode(), 1))


@attack(
    "edit the record beside a checkpoint",
    who=FOLDER,
    noticed_by=(SIGNED,),
    remedy=VERIFIER_KEY,
    applies=_has_checkpoint,
)
def record_edited(target: Target) -> None:
    """Take what protected the ledger out of the record beside the newest checkpoint."""
    file = json_file(_checkpoints(target)[-1])
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), "guards": {}}), encoding="utf-8")


ATTACKS = (
    checkpoint_rolled_back,
    newest_checkpoint_lost,
    checkpoints_lost,
    record_lost,
    checkpoints_rekeyed,
    checkpoint_edited,
    record_edited,
)
