"""`audit-ledger vectors`."""

from __future__ import annotations

import click

from pytest_audit_ledger.cli.console import epilog, exit_codes
from pytest_audit_ledger.cli.options import LedgerCommand, options
from pytest_audit_ledger.files.resources import folder

_EPILOG = epilog("vectors > vectors.json", codes=exit_codes("done", "", "wrong usage", "could not be done"))


@click.command(cls=LedgerCommand, epilog=_EPILOG)
@options("vectors")
def vectors(quiet: bool) -> int:
    """Print test vectors for verifiers that others write.

    They go with examples/reference/hashing.md, which describes every hash, tree and signature: payloads and hashes of
    awkward entries, envelopes, transcripts, Merkle trees, checkpoints and their records, as JSON.
    """
    if not quiet:
        click.echo((folder("checks") / "vectors.json").read_text(encoding="utf-8"), nl=False)
    return 0
