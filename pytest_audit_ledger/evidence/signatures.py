"""Who signed the manifest of evidence. Keys to trust come from whoever asks, never from the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import VerifierKey
from pytest_audit_ledger.evidence.envelope import key_id, signers
from pytest_audit_ledger.evidence.ssh_signature import LARGEST_KEY, AllowedSigner, SshSignature
from pytest_audit_ledger.files.evidence_folder import ENVELOPE, MANIFEST, SSH_SIGNATURE
from pytest_audit_ledger.files.reading import read_bytes

LARGEST_LIST = 64 * 1024 * 1024
"""Bytes of a manifest: some hundred thousand files."""


@dataclass(frozen=True)
class Trust:
    """The keys that whoever asks trusts: of checkpoints, and of SSH; None if that is not asked."""

    verifier_keys: Sequence[VerifierKey] = ()
    allowed_signers: Sequence[AllowedSigner] | None = None


@dataclass
class Signed:
    """Who signed the manifest: `trusted` and `others`, in words. `wrong`: sentences about what does not hold."""

    trusted: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def signatures(folder: Path, trust: Trust) -> Signed:
    """Return who signed the manifest of a folder. Raises OSError if something cannot be read."""
    manifest, found = read_bytes(folder / MANIFEST, LARGEST_LIST), Signed()
    if (folder / SSH_SIGNATURE).exists():
        _by_ssh(read_bytes(folder / SSH_SIGNATURE, LARGEST_KEY), manifest, trust.allowed_signers, found)
    elif trust.allowed_signers is not None:
        found.wrong.append(f"There is no {SSH_SIGNATURE}, so none of the allowed signers signed {MANIFEST}.")
    if (folder / ENVELOPE).exists():
        _by_key(read_bytes(folder / ENVELOPE, 2 * LARGEST_LIST), manifest, trust.verifier_keys, found)
    return found


def _by_ssh(data: bytes, manifest: bytes, allowed: Sequence[AllowedSigner] | None, found: Signed) -> None:
    try:
        signature = SshSignature.parse(data)
    except ValueError as error:
        found.wrong.append(f"{SSH_SIGNATURE} cannot be read: {error}.")
        return
    if not signature.verifies(manifest):
        found.wrong.append(f"{SSH_SIGNATURE} is not a signature of {MANIFEST} by the key that it names.")
        return
    named = [signer.principals for signer in allowed or () if signer.public == signature.public]
    key = f"the SSH key {signature.fingerprint}"
    if named:
        found.trusted.append(f"{', '.join(named)}, by {key}")
    elif allowed is None:
        found.others.append(key)
    else:
        found.wrong.append(f"None of the allowed signers signed {MANIFEST}: {key} did.")


def _by_key(data: bytes, manifest: bytes, keys: Sequence[VerifierKey], found: Signed) -> None:
    try:
        trusted, others = signers(data, manifest, keys)
    except ValueError as error:
        found.wrong.append(f"{ENVELOPE} does not hold: {error}.")
        return
    found.trusted += [f"{key.name}, by the key {key_id(key)}" for key in trusted]
    found.others += [f"the key {name}" for name in others]
