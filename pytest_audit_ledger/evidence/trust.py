"""What a run trusted: the checkpoints that it compared the ledger with, and keys, as files to be filed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_audit_ledger.checkpoints.record import json_file, note_file
from pytest_audit_ledger.checkpoints.store import listed
from pytest_audit_ledger.evidence.names import CHECKPOINTS, TRUSTED
from pytest_audit_ledger.files.stores import AnyPath, path_of
from pytest_audit_ledger.verify.verification import Verification

KEYS, TRANSCRIPT_KEYS = f"{TRUSTED}/verifier-keys.txt", f"{TRUSTED}/transcript-keys.pem"

_NOTE = (
    "# Keys that the run trusted, for reference: take the keys that you trust from somebody else than this folder.\n"
)


def checkpoint_folders(verification: Verification) -> dict[str, str]:
    """Return where the folders of checkpoints that the run was given are in the evidence, by what they were called."""
    folders = list(dict.fromkeys(_given(verification, "folders")))
    several = len(folders) > 1
    return {name: f"{CHECKPOINTS}/{number}" if several else CHECKPOINTS for number, name in enumerate(folders, 1)}


def checkpoint_files(verification: Verification) -> Iterator[tuple[str, AnyPath]]:
    """Yield every checkpoint in the folders that the run was given, by its name in the evidence.

    The one that the ledger is anchored by comes with its record; it covers what the records of older ones cover.
    """
    anchor = verification.anchor.checkpoint if verification.anchor else ""
    for folder, below in checkpoint_folders(verification).items():
        for path in listed(path_of(folder)):
            beside = [json_file(path), note_file(path)] if path == path_of(anchor) else []
            yield from ((f"{below}/{file.name}", file) for file in (path, *beside) if file.is_file())


def key_files(verification: Verification) -> Iterator[tuple[str, str]]:
    """Yield the files with the keys that the run trusted, by their names in the evidence."""
    verifier_keys = list(dict.fromkeys(map(str, _given(verification, "verifier_keys"))))
    if verifier_keys:
        yield KEYS, _NOTE + "".join(f"{key}\n" for key in verifier_keys)
    transcript_keys = list(dict.fromkeys(map(str, _given(verification, "keys"))))
    if transcript_keys:
        yield TRANSCRIPT_KEYS, "".join(f"{key.rstrip()}\n" for key in transcript_keys)


def _given(verification: Verification, name: str) -> list[Any]:
    return [value for values in verification.run_parameters.values() for value in values.get(name, ())]
