"""`audit-ledger checkpoint prove` and `check-proof`: one entry shown without the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.merkle import leaf_hash
from pytest_audit_ledger.checkpoints.note import Checkpoint, SigningKey
from pytest_audit_ledger.checkpoints.proof import HEADER, TlogProof
from pytest_audit_ledger.checkpoints.store import open_checkpoint
from tests.forger import TAMPERINGS, Forger
from tests.support.command import Invoke
from tests.support.signers import write_private

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
PROOF = "42.tlog-proof"
CHECK = ("checkpoint", "check-proof", PROOF, "--entry-file", "42.jsonl", "--verifier-key", "verifier.key")


@pytest.fixture
def signed(invoke: Invoke, dsn: str, forger: Forger) -> str:
    """The DSN of a ledger with a checkpoint of its hundred entries, its key, and one entry more."""
    write_private(Path("signing.key"), KEY.text())
    Path("verifier.key").write_text(str(KEY.verifier()))
    made = invoke("checkpoint", "create", "--ledger-db", dsn, "--signing-key", "signing.key", "--output", "checkpoints")
    assert made.exit_code == 0, made.output
    return dsn


@pytest.fixture
def shown(invoke: Invoke, signed: str) -> None:
    """The proof of entry 42, and its line of an export."""
    assert prove(invoke, signed).exit_code == 0
    exported = invoke("export", "--source", signed, "--output", "all.jsonl")
    assert exported.exit_code == 0, exported.output
    Path("42.jsonl").write_text(Path("all.jsonl").read_text().splitlines(keepends=True)[41])


def prove(invoke: Invoke, dsn: str, number: int = 42) -> Any:
    return invoke(
        *("checkpoint", "prove", "--ledger-db", dsn, "--entry", str(number), "--checkpoint", "checkpoints"),
        *("--verifier-key", "verifier.key", "--output", PROOF),
    )


def test_an_entry_is_proven_offline_from_its_line(invoke: Invoke, shown: None) -> None:
    text = Path(PROOF).read_text()
    assert text.startswith(f"{HEADER}\nindex 41\n")
    assert text.endswith(Path("checkpoints/000000000100.checkpoint").read_text())
    result = invoke(*CHECK)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "proven   entry 42 is among the 100 that were signed\norigin   bank.example/ledger\n"
    )
    assert "\nunproven id, escalation_status, escalation_notes, created_at (in the file, and covered by no hash)\n" in (
        result.stdout
    )


def test_the_proof_of_every_entry_leads_to_the_signed_root(invoke: Invoke, signed: str, forger: Forger) -> None:
    hashes = [digest for (digest,) in forger.run("SELECT entry_hash FROM ledger_entries ORDER BY sequence_number")]
    for number in (1, 2, 64, 65, 99, 100):
        assert prove(invoke, signed, number).exit_code == 0
        proof = TlogProof.parse(Path(PROOF).read_bytes())
        checkpoint, _ = open_checkpoint(proof.note, [KEY.verifier()])
        assert proof.root(leaf_hash(bytes.fromhex(hashes[number - 1])), 100) == checkpoint.root


def change_entry(name: str, value: object) -> None:
    path = Path("42.jsonl")
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))


def change_proof(change: Callable[[list[str]], object]) -> None:
    lines = Path(PROOF).read_text().split("\n")
    change(lines)
    Path(PROOF).write_text("\n".join(lines))


def other_signature() -> None:
    proof = TlogProof.parse(Path(PROOF).read_bytes())
    stranger = SigningKey(KEY.name, bytes(range(1, 33)))
    checkpoint, _ = open_checkpoint(proof.note, [KEY.verifier()])
    Path(PROOF).write_bytes(TlogProof(proof.index, proof.hashes, stranger.sign(checkpoint.text())).data())


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda: change_entry("verdict", "FLAG"), "is not the one that was signed"),
        (lambda: change_entry("reasoning", "nothing to see"), "is not the one that was signed"),
        (lambda: change_entry("sequence_number", 43), "proves entry 42, but 42.jsonl has entry 43"),
        (lambda: change_proof(lambda lines: lines.__setitem__(1, "index 42")), "proves entry 43, but 42.jsonl has"),
        (lambda: change_proof(lambda lines: lines.__setitem__(2, "A" * 43 + "=")), "was changed"),
        (lambda: change_proof(lambda lines: lines.pop(2)), "is not a trusted proof"),
        (lambda: change_proof(lambda lines: lines.insert(2, lines[2])), "is not a trusted proof"),
        (lambda: change_proof(lambda lines: lines.__setitem__(2, "A")), "not base64"),
        (lambda: change_proof(lambda lines: lines.__setitem__(0, "c2sp.org/tlog-proof@v2")), "does not begin with"),
        (lambda: change_proof(lambda lines: lines.__setitem__(1, "index 041")), "the index of an entry"),
        (lambda: Path(PROOF).write_bytes(b""), "does not begin with"),
        (lambda: Path(PROOF).write_bytes(bytes(range(256))), "not ASCII"),
        (other_signature, "no trusted key signed it"),
    ],
)
def test_what_is_not_what_was_signed_is_code_1(
    invoke: Invoke, shown: None, tamper: Callable[[], None], words: str
) -> None:
    tamper()
    result = invoke(*CHECK)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Nothing is proven: ")
    assert words in result.stderr


def test_what_no_hash_covers_may_differ_and_is_told(invoke: Invoke, shown: None) -> None:
    change_entry("escalation_notes", "something else")
    result = invoke(*CHECK)
    assert result.exit_code == 0
    assert "escalation_notes" in result.stdout.partition("unproven")[2]


def test_a_hash_beside_the_entry_that_is_not_its_is_code_1(invoke: Invoke, shown: None) -> None:
    change_entry("entry_hash", "0" * 64)
    result = invoke(*CHECK)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "entry_hash" in result.stderr


def test_extra_data_is_passed_over(invoke: Invoke, shown: None) -> None:
    change_proof(lambda lines: lines.insert(1, "extra bm90aGluZw=="))
    assert invoke(*CHECK).exit_code == 0


@pytest.mark.parametrize("attack", ["edit", "edit-and-rewrite", "middle-deleted"])
def test_nothing_is_proven_from_another_ledger(invoke: Invoke, signed: str, forger: Forger, attack: str) -> None:
    TAMPERINGS[attack](forger)
    result = prove(invoke, signed, 7)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: Entry 7 is not proven: the ledger is not the one whose checkpoint was signed in " in result.stderr
    assert not Path(PROOF).exists()


def test_an_entry_that_no_checkpoint_speaks_of_is_wrong_usage(invoke: Invoke, signed: str) -> None:
    result = prove(invoke, signed, 101)
    assert result.exit_code == 2
    assert "covers entries 1 to 100, not entry 101" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "does not contain exactly one entry"),
        ('{"sequence_number": 42}\n', "lacks "),
        ("nonsense\n", "42.jsonl"),
    ],
)
def test_a_file_without_a_whole_entry_is_wrong_usage(invoke: Invoke, shown: None, content: str, words: str) -> None:
    Path("42.jsonl").write_text(content)
    result = invoke(*CHECK)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_with_several_entries_is_wrong_usage(invoke: Invoke, shown: None) -> None:
    Path("42.jsonl").write_text(Path("42.jsonl").read_text() * 2)
    assert "does not contain exactly one entry" in invoke(*CHECK).stderr


def test_a_ledger_of_one_entry_has_a_proof_without_hashes(invoke: Invoke, forger: Forger) -> None:
    leaf = leaf_hash(bytes(32))
    proof = TlogProof(0, (), KEY.sign(Checkpoint(KEY.name, 1, leaf).text()))
    assert TlogProof.parse(proof.data()) == proof
    assert proof.root(leaf, 1) == leaf
