"""Who notices what, as the shipped attacks claim it, and what to do where nobody does."""

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

CHECKPOINT = "Keep checkpoints outside of the database: --ledger-checkpoint and --ledger-verifier-key."
TRANSCRIPT_KEY = "Name the key that the runtime signs transcripts with: --ledger-transcript-key."
VERIFIER_KEY = "Name the key that checkpoints must be signed by: --ledger-verifier-key."
REQUIRED = "Say that there is a checkpoint, so that a lost one shows: --ledger-require-checkpoint."


def default_suite(*claims: Claim) -> str:
    """Return the remedy for whoever left checks of the default suite out."""
    return f"Check {' and '.join(claim.kind for claim in claims)}, as the default suite does."
