"""The kind transcript_signature: what the model was asked and answered is what its runtime signed.

A transcript consists of `transcript_json` with the request, the response and the hashes of both; the signature over the
ASCII text `request_hash|response_hash`; and the id of the key that made it. The document repeats the signature and the
key id. The envelope's `transcript_ref` names it as `transcript:` and its `transcript_id`. The document's other fields
(`started_at`, `completed_at`, `backend_name`, `backend_metadata`) are not signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar

from pytest_audit_ledger.kinds.provenance import COMPARE, ProvenanceScanKind, not_rederivable, shown
from pytest_audit_ledger.kinds.transcript_keys import is_signed, keys_by_id, read_keys
from pytest_audit_ledger.model.batch import NULL, Batch, plain_text
from pytest_audit_ledger.model.jsonb import Derived, JsonDocument, digest
from pytest_audit_ledger.model.ledger_info import LedgerInfo
from pytest_audit_ledger.model.outcome import RECOMPUTED, Finding, Findings, Severity, Sides

_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_KEY_ID = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = "transcript:"
_UNSIGNED = "transcript:unsigned"
"""The reference that the SKI Framework's runtime writes if it has no key to sign with."""

RUNTIME_TRACK = "v3-evaluator"
"""The track of every entry that the runtime writes with an envelope; the entry hash covers it."""


class _Bounds(IntEnum):
    """Where entries with a transcript are, seen from entries without one: not before them, before, or on both sides."""

    OPEN = 0
    BEFORE = 1
    BOTH = 2


class _Stretch:
    """The findings of consecutive entries without a transcript, depending on the entries around them."""

    def __init__(self, samples: int) -> None:
        self.found = {bounds: Findings(samples) for bounds in _Bounds}
        self.is_empty = True

    def add(self, finding: Finding, needed: _Bounds) -> None:
        """Add a finding that counts if the bounds are at least those needed."""
        self.is_empty = False
        for bounds in _Bounds:
            if bounds >= needed:
                self.found[bounds].add(finding)

    def extend(self, later: _Stretch) -> None:
        """Add the findings of the entries that follow."""
        self.is_empty = self.is_empty and later.is_empty
        for bounds in _Bounds:
            self.found[bounds].extend(later.found[bounds])


class TranscriptSignature(ProvenanceScanKind):
    """Every transcript matches its hashes, a given key signed them, and no transcript is missing.

    `keys`: the public keys that may sign, as PEM files (in a suite relative to it) or as PEM text. Without a key the
    signatures are not verified, which is a warning. `stripped`: which entries without a transcript are findings.
    """

    name = "transcript_signature"
    rule = "Every transcript matches the hashes of its request and response, and a given key signed these hashes."
    remedy = COMPARE
    remedies: ClassVar[Mapping[str, str]] = {
        "SIGNATURES_UNVERIFIED": (
            "Ask the owner of the runtime for its public keys, old ones too, and name each one with "
            "--ledger-transcript-key=FILE."
        ),
        "UNKNOWN_KEY": (
            "Ask the owner of the runtime whether the key shown is its own, now or in the past. If it is, name it with "
            "--ledger-transcript-key=FILE. If not, compare the entries shown with the latest backup or export."
        ),
        "TRANSCRIPTS_ABSENT": (
            "If transcripts are kept elsewhere, set stripped: allow. If not, compare with the latest backup or export."
        ),
        "TRANSCRIPT_NOT_REDERIVABLE": "Compare the transcripts shown with the runtime's own copy.",
    }
    document = "a transcript"
    columns = ("transcript_json", "transcript_signature", "signing_key_id", "envelope_json", "track")
    sides: ClassVar[Mapping[str, Sides]] = {
        "TRANSCRIPT_HASH_MISMATCH": RECOMPUTED,
        "TRANSCRIPT_NOT_REDERIVABLE": RECOMPUTED,
        "TRANSCRIPT_INCONSISTENT": ("column", "transcript"),
        "SIGNATURE_INVALID": ("key named", "signature"),
    }
    parameters_schema: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "keys": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": [],
            "description": "PEM files of the Ed25519 public keys that sign transcripts, relative to the suite.",
        },
        "stripped": {
            "enum": ["neighbours", "every", "allow"],
            "default": "neighbours",
            "description": "Which entries without a transcript are findings: neighbours (those that must have had one, "
            "judging by the entries around them), every, or none of them (allow).",
        },
    }

    def __init__(self, parameters: Mapping[str, Any], ledger: LedgerInfo, samples: int) -> None:
        super().__init__(parameters, ledger, samples)
        self.keys = keys_by_id(self.parameters["keys"])
        self.signed = 0
        """The number of transcripts signed by a given key."""
        self.leading = _Stretch(samples)
        """The entries before the first that has a transcript."""
        self.trailing = _Stretch(samples)
        """Those after the last."""
        self.due = 0
        """The number of entries without a transcript that should have one, by their envelope or track."""
        self.before = 0
        """How many of the carriers are before the entries that are read: 0 or 1."""

    @classmethod
    def prepared(cls, parameters: Mapping[str, Any], folder: str) -> Mapping[str, Any]:
        """Read the files of the keys."""
        return {**parameters, "keys": read_keys(parameters["keys"], folder)} if "keys" in parameters else parameters

    def feed(self, batch: Batch) -> None:
        """Verify every transcript, and keep entries without one until the entries around them are known."""
        rows = zip(
            batch.sequence_numbers,
            batch.documents("transcript_json"),
            batch.text("transcript_signature"),
            batch.text("signing_key_id"),
            batch.documents("envelope_json"),
            batch.text("track"),
            strict=True,
        )
        for number, transcript, signature, key_id, envelope, track in rows:
            if transcript is None and signature == key_id == NULL:
                self._miss(number, envelope, track)
                continue
            self._bound()
            for finding in self._inspect(number, transcript, plain_text(signature), plain_text(key_id), envelope):
                self.findings.add(finding)

    def _inspect(
        self,
        number: int | None,
        transcript: JsonDocument | None,
        signature: str | None,
        key_id: str | None,
        envelope: JsonDocument | None,
    ) -> Iterator[Finding]:
        parts = {"transcript_json": transcript, "transcript_signature": signature, "signing_key_id": key_id}
        lacking = [name for name, part in parts.items() if part is None]
        if lacking:
            message = f"the transcript lacks its {' and its '.join(lacking)}"
            yield Finding("TRANSCRIPT_INCOMPLETE", message, number, ", ".join(parts), f"no {', no '.join(lacking)}")
        if transcript is None:
            return
        if transcript.problem:
            message = f"the transcript cannot be hashed: {transcript.problem}"
            yield Finding("TRANSCRIPT_HASH_MISMATCH", message, number, "no hash exists", "")
            return
        yield from _compare_hashes(number, transcript)
        yield from _compare_copies(number, transcript.value, signature, key_id, envelope)
        if signature is not None and key_id is not None:
            yield from self._verify(number, transcript.value, signature, key_id)

    def _verify(
        self, number: int | None, transcript: Mapping[str, Any], signature: str, key_id: str
    ) -> Iterator[Finding]:
        if not _SIGNATURE.fullmatch(signature):
            message = "the signature is not an Ed25519 signature, which has 128 hexadecimal digits"
            yield Finding("SIGNATURE_INVALID", message, number, key_id, signature)
        elif not _KEY_ID.fullmatch(key_id):
            message = "the signing_key_id is not a valid key id"
            yield Finding("UNKNOWN_KEY", message, number, "sha256: and 64 hexadecimal digits", key_id)
        elif not self.keys:
            return
        elif key_id not in self.keys:
            message = "the signing_key_id belongs to none of the given keys"
            yield Finding("UNKNOWN_KEY", message, number, " or ".join(self.keys), key_id)
        else:
            hashes = f"{transcript.get('request_hash')}|{transcript.get('response_hash')}"
            if is_signed(self.keys[key_id], bytes.fromhex(signature), hashes.encode("utf-8", "surrogatepass")):
                self.signed += 1
            else:
                message = "the key named did not make this signature over the transcript's two hashes"
                yield Finding("SIGNATURE_INVALID", message, number, key_id, signature)

    def _miss(self, number: int | None, envelope: JsonDocument | None, track: str) -> None:
        """Judge an entry without a transcript by the policy, its envelope and its track."""
        policy = self.parameters["stripped"]
        reference = envelope.value.get("transcript_ref") if envelope is not None else None
        names_one = isinstance(reference, str) and reference.startswith(_REFERENCE) and reference != _UNSIGNED
        is_bare = envelope is None and track == RUNTIME_TRACK
        if policy == "allow":
            return
        self.due += names_one or is_bare
        stretch = self.trailing if self.carriers else self.leading
        if policy == "every":
            message = "the entry has no transcript"
            self.findings.add(Finding("TRANSCRIPT_STRIPPED", message, number, "a transcript", "NULL"))
        elif names_one:
            message = "the transcript that the envelope names is missing"
            stretch.add(Finding("TRANSCRIPT_STRIPPED", message, number, str(reference), "NULL"), _Bounds.OPEN)
        elif is_bare:
            message = "the entry has no transcript and no envelope, although earlier entries of its track have them"
            stretch.add(Finding("TRANSCRIPT_STRIPPED", message, number, "a transcript", "NULL"), _Bounds.BEFORE)
        elif envelope is not None:
            message = "the entry has no transcript, and its envelope names none, but entries on both sides have one"
            warning = Finding(
                "TRANSCRIPT_UNSIGNED", message, number, "a transcript", shown(reference), Severity.WARNING
            )
            stretch.add(warning, _Bounds.BOTH)

    def _bound(self) -> None:
        """End the stretch of entries without a transcript, because this entry has one."""
        if self.carriers and not self.trailing.is_empty:
            self.findings.extend(self.trailing.found[_Bounds.BOTH])
            self.trailing = _Stretch(self.findings.limit)
        self.carriers += 1

    def resume(self, batch: Batch) -> None:
        """Learn whether the entry before the first one has a transcript; entries further back are unknown."""
        self.resumed = True
        self.carriers = self.before = len(batch) - batch.text("transcript_json").count(NULL)

    def merge(self, later: TranscriptSignature) -> None:
        """Join the stretches at the seam, then add what the later segment found."""
        before = self.trailing if self.carriers else self.leading
        before.extend(later.leading)
        if self.carriers and later.carriers:
            self.findings.extend(before.found[_Bounds.BOTH])
        if later.carriers:
            self.trailing = later.trailing
        super().merge(later)
        self.signed += later.signed
        self.due += later.due

    def close(self) -> None:
        """Judge the entries at both ends, and report what was not verified."""
        if self.carriers:
            leading = self.leading.found[_Bounds.OPEN]
            leading.extend(self.findings)
            leading.extend(self.trailing.found[_Bounds.BEFORE])
            self.findings = leading
        elif self.due and not self.findings.counts:
            message = (
                f"{self.due:,} entries should have a transcript, judging by their envelope or track, but none has one: "
                "all are kept elsewhere or were removed"
            )
            self.findings.add(Finding("TRANSCRIPTS_ABSENT", message, severity=Severity.WARNING))
        super().close()
        self.facts["transcripts"] = f"{self.carriers - self.before:,}"
        self.facts["signatures verified"] = f"{self.signed:,}"
        if self.carriers > self.before and not self.keys:
            self._report_unverified(self.carriers - self.before)

    def _report_unverified(self, count: int) -> None:
        hashes = "" if self.findings.counts else f"{count:,} transcripts match their hashes; "
        what = "their signatures" if hashes else f"the signatures of {count:,} transcripts"
        message = f"{hashes}{what} were not verified, because no key was given"
        self.findings.prepend([Finding("SIGNATURES_UNVERIFIED", message, severity=Severity.WARNING)])


def _compare_hashes(number: int | None, transcript: JsonDocument) -> Iterator[Finding]:
    """Find a request or response that does not match its hash."""
    request, stored = transcript.value.get("request_canonical"), transcript.value.get("request_hash")
    if not isinstance(request, str):
        message = "the transcript has no request"
        yield Finding("TRANSCRIPT_HASH_MISMATCH", message, number, "no hash exists", shown(stored))
    elif (recomputed := digest(request.encode("utf-8", "surrogatepass"))) != stored:
        message = "the transcript's request does not match its request_hash"
        yield Finding("TRANSCRIPT_HASH_MISMATCH", message, number, recomputed, shown(stored))
    stored = transcript.value.get("response_hash")
    if "response_canonical" not in transcript.value:
        message = "the transcript has no response"
        yield Finding("TRANSCRIPT_HASH_MISMATCH", message, number, "no hash exists", shown(stored))
        return
    derived, likely = transcript.derive(stored, "response_canonical")
    if derived is Derived.DIFFERS:
        message = "the transcript's response does not match its response_hash"
        yield Finding("TRANSCRIPT_HASH_MISMATCH", message, number, likely, shown(stored))
    elif derived is Derived.UNDECIDED:
        yield not_rederivable("TRANSCRIPT_NOT_REDERIVABLE", "the transcript's response", number, likely, shown(stored))


def _compare_copies(
    number: int | None,
    transcript: Mapping[str, Any],
    signature: str | None,
    key_id: str | None,
    envelope: JsonDocument | None,
) -> Iterator[Finding]:
    """Find what the transcript repeats of other columns, with another value."""
    copies: Sequence[tuple[str, str, str | None]] = (
        ("signature_hex", "transcript_signature", signature),
        ("signing_key_id", "signing_key_id", key_id),
    )
    for key, column, value in copies:
        if value is not None and transcript.get(key) != value:
            message = f"the transcript's {key} differs from the column {column}"
            yield Finding("TRANSCRIPT_INCONSISTENT", message, number, value, shown(transcript.get(key)))
    own = f"{_REFERENCE}{shown(transcript.get('transcript_id'))}"
    if envelope is None:
        message = "the entry has a transcript, but no envelope that names it"
        yield Finding("TRANSCRIPT_INCONSISTENT", message, number, "no envelope", own)
        return
    reference = envelope.value.get("transcript_ref")
    # a reference of another scheme than the runtime's may name anything
    if reference != own and (not isinstance(reference, str) or reference.startswith(_REFERENCE)):
        message = "the envelope names another transcript than the entry has"
        yield Finding("TRANSCRIPT_INCONSISTENT", message, number, shown(reference), own)
