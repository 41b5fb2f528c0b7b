"""The test vectors are what is shipped, what the package computes, and what the verifier computes on every Python."""

from __future__ import annotations

import json
import subprocess

import pytest

from pytest_audit_ledger.model.jsonb import Derived, Reader
from tests.support import run_vectors
from tests.support.standalone import VERIFIER, pythons
from tests.vectors import FILE, document


def test_the_shipped_vectors_are_those_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == document(), "run python -m tests.reference"


@pytest.mark.parametrize("python", pythons())
def test_the_verifier_computes_the_same(python: str) -> None:
    command = [python, "-I", "-S", run_vectors.__file__, str(VERIFIER), str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stderr, done.stdout) == ("", "\n")


def test_documents_are_derived_from_what_jsonb_prints() -> None:
    for one in json.loads(FILE.read_text(encoding="utf-8"))["documents"]:
        assert Reader().read(one["stored"]).derive(one["hash"])[0] is Derived.HOLDS, one
