"""Whether the files of evidence say the same: the documents of each other, and of the entries that are filed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_audit_ledger.checkpoints.note import LARGEST_NOTE, Checkpoint, Note
from pytest_audit_ledger.checkpoints.record import LARGEST_RECORD, CheckpointRecord, json_file
from pytest_audit_ledger.checkpoints.store import SUFFIX as SUFFIX_OF_CHECKPOINTS
from pytest_audit_ledger.errors import LedgerError
from pytest_audit_ledger.evidence.names import VERIFICATION
from pytest_audit_ledger.evidence.rerun import filed_profile
from pytest_audit_ledger.evidence.signatures import Signed, Trust, signatures
from pytest_audit_ledger.export.verifier import PROFILE_SUFFIX, VERIFIER, verifier
from pytest_audit_ledger.files.evidence_folder import MANIFEST
from pytest_audit_ledger.files.reading import read_bytes, read_text
from pytest_audit_ledger.model.flat_profile import flat_profile
from pytest_audit_ledger.standalone import verify as standalone
from pytest_audit_ledger.standalone.verify import Folder, load, read_key

_OF_ENTRIES = ("chain_linkage", "entry_hash", "sequence_continuity", "timestamp_order", "checkpoint")
"""The kinds that judge what the verifier judges, too."""

_NOT_OURS = "not that of this version, so it is of another one, or was changed; run an original, not this file"


def mistakes(folder: Path) -> list[str]:
    """Return what is wrong with a folder of evidence, in sentences: changed, missing and added files.

    Raises OSError if something in it cannot be read.
    """
    found = Folder(folder, [], None)
    found.files()
    return [f"{sentence}." for sentence in found.said["WRONG"]]


@dataclass(frozen=True)
class Compared:
    """A folder of evidence whose files were compared: what contradicts, in sentences, and who signed what.

    `is_usable`: whether it has a verification to compare with.
    """

    folder: Path
    contradictions: Sequence[str]
    signed: Signed
    signed_checkpoints: Sequence[standalone.Checkpoint]
    is_usable: bool = True

    @classmethod
    def of(cls, folder: Path, trust: Trust) -> Compared:
        """Compare the files of a folder. Raises OSError if something cannot be read.

        The verifier that is filed with the folder compares the files. Entries that do not hold contradict only a
        verification that says that they do.
        """
        compared = Folder(folder, [read_key(str(key)) for key in trust.verifier_keys], None)
        compared.compare()
        found = [f"{sentence}." for sentence in compared.said["WRONG"]]
        if not compared.told:  # without a verification, there is nothing to compare
            return cls(folder, found or [f"There is no {VERIFICATION}."], Signed(), [], is_usable=False)
        if _found_nothing(compared.told):
            found += [f"{sentence}." for sentence in compared.said["DIFFERS"]]
        found += [*_of_profiles(folder), *_of_records(folder)]
        signed, checkpoints = signatures(folder, trust), [one for one in compared.checkpoints if one.signers]
        if trust.verifier_keys and not signed.trusted and not checkpoints:
            found.append(f"None of the keys that you trust signed {MANIFEST} or a checkpoint.")
        return cls(folder, [*found, *signed.wrong], signed, checkpoints)

    def summary(self) -> Iterator[str]:
        """Yield what the filed verification found, and who vouches for it, in lines."""
        told: Any = load(self.folder / VERIFICATION)
        yield f"Result     {load(self.folder / MANIFEST)['predicate']['result']}"
        yield f"Assurance  {told['assurance']}: {told['assurance_meaning']}"
        if told["entries"]:
            head = told["entries"]["head_hash"]  # unknown if there are streams
            yield f"Entries    {told['entries']['count']:,}" + (f", the last with the hash {head}" if head else "")
        yield from (f"Signer     {one}" for one in self._signers())
        if (self.folder / VERIFIER).is_file():
            is_ours = read_bytes(self.folder / VERIFIER) == verifier()
            yield f"Verifier   {VERIFIER} is {'that of this version' if is_ours else _NOT_OURS}"

    def _signers(self) -> Iterator[str]:
        yield from self.signed.trusted
        for one in self.signed_checkpoints:
            names = ", ".join(key.name for key in one.signers)
            yield f"{names} signed {one.name}" + ("" if self.signed.trusted else ", not the manifest")
        if not self.signed.trusted and not self.signed_checkpoints:
            yield "unknown: no key that you named signed it"
        for key in self.signed.others:
            yield f"{key}, which you did not name"


def _found_nothing(told: Any) -> bool:
    """Return whether a verification has no finding about entries, not even of hashes in a form that only we know."""
    return bool(told["is_valid"]) and not any(one["codes"] for one in told["outcomes"] if one["kind"] in _OF_ENTRIES)


def _of_records(folder: Path) -> Iterator[str]:
    """Yield which records contradict themselves; the verifier only asks whether a record is the one that was signed."""
    for path in sorted(folder.rglob(f"*{SUFFIX_OF_CHECKPOINTS}")):
        record = json_file(path)
        if record.is_file():
            try:
                checkpoint = Checkpoint.parse(Note.parse(read_bytes(path, LARGEST_NOTE)).text)
                CheckpointRecord.parse(read_bytes(record, LARGEST_RECORD), checkpoint)
            except ValueError as error:
                yield f"{record.relative_to(folder)} cannot be used: {error}."


def _of_profiles(folder: Path) -> Iterator[str]:
    """Yield which profiles, as the verifier reads them, are not those that people read."""
    for path in sorted(folder.rglob(f"*{PROFILE_SUFFIX}")):
        name = path.relative_to(folder)
        try:
            text = read_text(path)
            told = json.loads(text)
            is_same = text == flat_profile(filed_profile(folder, told["name"]), told["types"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # a RecipeError, too
            yield f"{name} is not the profile of a ledger."
        except LedgerError as error:
            yield f"{name} cannot be compared with the profile that is filed as YAML: {error.message}"
        else:
            if not is_same:
                yield f"{name} does not say what the profile says that is filed as YAML."
