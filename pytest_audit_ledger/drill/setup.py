"""What a user verifies with, as a drill uses it: checks and their parameters.

The user's checkpoints cover the whole ledger and do not fit a copy, so the drill replaces them by checkpoints of the
copy, signed with a throwaway key. It also replaces transcript keys if the ledger is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_audit_ledger.drill.attacks.attack import Attack, Target
from pytest_audit_ledger.kinds.hash_coverage import HashCoverage
from pytest_audit_ledger.kinds.registry import SHIPPED
from pytest_audit_ledger.kinds.run_parameters import RunParameters
from pytest_audit_ledger.kinds.transcript_signature import TranscriptSignature
from pytest_audit_ledger.model.outcome import Family, Outcome, Status
from pytest_audit_ledger.sources.source import Source
from pytest_audit_ledger.suite.check import Check, Suite
from pytest_audit_ledger.suite.shipped import checks_of
from pytest_audit_ledger.verify.run import VerificationRequest, verify
from pytest_audit_ledger.verify.verification import Verification

SAMPLES = 1_000
"""Findings kept for each check, to tell those that an attack caused from earlier ones."""

COMPARING = (*(kind.name for kind in SHIPPED if kind.family is Family.CHECKPOINTS), HashCoverage.name)
"""The kinds that take the folders of checkpoints."""


@dataclass(frozen=True)
class Claims:
    """The checks that claim to notice an attack, and why the parameters of other checks allow it."""

    by: tuple[str, ...]
    allowed: tuple[str, ...]


@dataclass(frozen=True)
class SetUp:
    """Suites, and the parameters that the options of a run give to kinds; `name` tells several set-ups apart."""

    suites: tuple[Suite, ...]
    run_parameters: RunParameters = field(default_factory=dict)
    name: str = ""
    check_timestamps: bool = True
    allow_integrity_waivers: bool = False

    @property
    def checks(self) -> Sequence[Check]:
        """Every check of the suites."""
        return checks_of(self.suites, times=self.check_timestamps)

    @property
    def has_checkpoints(self) -> bool:
        """Whether the ledger is compared with checkpoints."""
        return any(
            check.kind.name in COMPARING and check.parameters_in(self.run_parameters).get("folders")
            for check in self.checks
        )

    @property
    def has_transcript_keys(self) -> bool:
        """Whether the signatures of transcripts are verified."""
        judging = (check for check in self.checks if check.kind.name == TranscriptSignature.name)
        return any(check.parameters_in(self.run_parameters).get("keys") for check in judging)

    def __str__(self) -> str:
        names = ", ".join(suite.name for suite in self.suites)
        checkpoints = "with checkpoints" if self.has_checkpoints else "without checkpoints"
        key = "with a transcript key" if self.has_transcript_keys else "without a transcript key"
        return f"Verified with {names} ({len(self.checks):,} checks), {checkpoints}, {key}."

    def claims(self, attack: Attack, target: Target, untouched: Sequence[Outcome]) -> Claims:
        """Return which checks claim to notice an attack, among those that examined something before it.

        `target` is what will be attacked; `untouched` are the outcomes of the checks before that, in their order.
        """
        ran = [check for check, one in zip(self.checks, untouched, strict=True) if one.status not in _IDLE]
        told: dict[str, list[str]] = {}
        for check in ran:
            parameters = check.parameters_in(self.run_parameters)
            for claim in attack.claims_on(target.ledger.profile):
                if claim.is_made_by(check.kind, parameters):
                    allowed = claim.unless(target, parameters.get(claim.parameter))
                    told.setdefault(check.id, []).append(allowed)
        by = tuple(check for check, reasons in told.items() if not all(reasons))
        return Claims(by, tuple(dict.fromkeys(reason for reasons in told.values() for reason in reasons if reason)))

    def with_checkpoints(self, folder: Path, verifier_key: str) -> SetUp:
        """Return the set-up with these checkpoints instead of its own; without any of its own, it is unchanged."""
        if not self.has_checkpoints:
            return self
        named = {"folders": [str(folder)], "verifier_keys": [verifier_key]}
        return self._with(dict.fromkeys(COMPARING, named))

    def with_transcript_key(self, pem: str) -> SetUp:
        """Return the set-up with this key instead of its own; without any of its own, it is unchanged."""
        return self._with({TranscriptSignature.name: {"keys": [pem]}}) if self.has_transcript_keys else self

    def _with(self, changed: RunParameters) -> SetUp:
        merged = {kind: {**self.run_parameters.get(kind, {}), **values} for kind, values in changed.items()}
        return replace(self, run_parameters={**self.run_parameters, **merged})

    def verify(self, source: Source) -> Verification:
        """Verify a ledger, in this process."""
        request = VerificationRequest(
            checks=self.checks,
            suites=self.suites,
            samples=SAMPLES,
            run_parameters=self.run_parameters,
            allow_integrity_waivers=self.allow_integrity_waivers,
            given={},
        )
        return verify(source, request)


_IDLE = (Status.SKIP, Status.ERROR)
"""The status of a check that examined nothing."""
