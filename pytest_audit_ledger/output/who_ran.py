"""Who ran a verification, where, and what it trusted: the facts by which evidence is attributed."""

from __future__ import annotations

import getpass
import platform
from collections.abc import Iterator, Mapping

from pytest_audit_ledger.checkpoints.note import VerifierKey
from pytest_audit_ledger.kinds.transcript_keys import keys_by_id
from pytest_audit_ledger.verify.verification import Verification


def who_ran(verification: Verification, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the facts by name, without those that are unknown."""
    given = {name: value for values in verification.run_parameters.values() for name, value in values.items()}
    keys = [VerifierKey.parse(key) for key in given.get("verifier_keys", ())]
    facts = {
        "role": verification.info.role if verification.info else "",
        "user": _user(),
        "host": platform.node(),
        "ci_job": ci_job(environment),
        "checkpoint_folders": ", ".join(given.get("folders", ())),
        "verifier_keys": ", ".join(f"{key.name}+{key.key_id.hex()}" for key in keys),
        "transcript_keys": ", ".join(keys_by_id(given.get("keys", ()))),
    }
    return {name: value for name, value in facts.items() if value}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as in containers
        return ""


def ci_job(environment: Mapping[str, str]) -> str:
    """Return the address of the job that runs this, in GitHub Actions, GitLab, Jenkins or Azure Pipelines."""
    return next(filter(None, _addresses(environment)), "")


def _addresses(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what the variables of each service say (its reference of predefined variables)."""
    run = environment.get("GITHUB_RUN_ID")
    if run:
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        yield f"{server}/{environment.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    yield environment.get("CI_JOB_URL", "")
    yield environment.get("BUILD_URL", "")
    build = environment.get("BUILD_BUILDID")
    if build:
        collection, project = (environment.get(f"SYSTEM_{name}", "") for name in ("COLLECTIONURI", "TEAMPROJECT"))
        yield f"{collection}{project}/_build/results?buildId={build}"
