"""The claims and remedies that several shipped attacks share."""

from __future__ import annotations

from pytest_audit_ledger.drill.attacks.attack import Claim

LINKS = Claim("chain_linkage")
HASHES = Claim("entry_hash")
NUMBERS = Claim("sequence_continuity")
TIMES = Claim("timestamp_order")
VERDICTS = Claim("verdict_taxonomy")
TRIGGERS = Claim("append_only")
TABLE = Claim("table_guard")
ENVELOPE_HASHES = Claim("envelope_hash")
ENVELOPES = Claim("envelope_consistency")
TRANSCRIPTS = Claim("transcript_signature")
SIGNATURES = Claim("transcript_signature", "keys")
SIGNED = Claim("checkpoint")
SIGNED_GUARDS = Claim("checkpoint_guards")

TRANSCRIPT_KEY = "Name the key that the runtime signs transcripts with: --ledger-transcript-key."
REQUIRED = "Require a checkpoint, so that a lost one is reported: --ledger-require-checkpoint."
