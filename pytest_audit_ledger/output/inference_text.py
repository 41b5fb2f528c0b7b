"""What a search for a recipe found, in words."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_audit_ledger.infer.inference import Inference
from pytest_audit_ledger.model.printable import printable
from pytest_audit_ledger.output.profile_text import tried


def found_in_words(result: Inference) -> Iterator[str]:
    """Yield the lines that tell a user what was found, or what was ruled out."""
    effort = f"{result.tried:,} candidates in {result.seconds:.1f} s of processor time"
    file = printable(str(result.file), 1000)
    if result.found is None or result.trial is None:
        yield f"No recipe was found among {effort}."
        yield from (f"  ruled out: {line}" for line in result.ruled_out)
        yield f"Wrote {file} with the roles alone. Complete it by hand, or give a hint:"
        yield "  --columns, --separator, --key, --sample or --source"
        return
    yield f"Found a recipe after {effort}."
    yield f"It reproduces {len(result.found.reproduced):,} of the {result.sampled:,} sampled hashes."
    yield from tried(result.trial)
    yield f"Wrote {file}. Read its comments, then:"
    yield f"  audit-ledger profile lint {file}"
