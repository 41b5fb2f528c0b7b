"""The verifier that lies in a folder, run by other Pythons on exports of real ledgers, and after attacks on these."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey, encode
from pytest_audit_ledger.drill.attacks import deletions, entries
from pytest_audit_ledger.drill.attacks.catalogue import attacks_in
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.export.export import export_request
from pytest_audit_ledger.ledger import Ledger
from pytest_audit_ledger.model.outcome import Assurance
from pytest_audit_ledger.sources.manifest import manifest_path
from tests.forger import TAMPERINGS, Forger
from tests.support.databases import cloned, empty_database
from tests.support.hostile import hostile_entries
from tests.support.signers import write_private
from tests.support.standalone import pythons, verify_folder

KEY = SigningKey("bank.example/ledger", sha256(b"signing").digest())
OTHER = SigningKey("other.example/ledger", sha256(b"other").digest())
TRUSTED = str(KEY.verifier())


@pytest.fixture(scope="module")
def model(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A clean ledger, and a folder with its export, its profile, a checkpoint and the proof of an entry."""
    folder = tmp_path_factory.mktemp("model")
    write_private(folder / "signing.key", KEY.text())
    filed = folder / "filed"
    filed.mkdir()
    with empty_database(server) as dsn:
        with Forger(dsn) as forger:
            forger.build(100)
        with Ledger(dsn) as ledger:
            ledger.export_entries(output_file=filed / "ledger.jsonl", with_verifier=True)
            ledger.create_checkpoint(filed / "checkpoints", folder / "signing.key")
            trusted: Any = {"checkpoints": [filed / "checkpoints"], "verifier_keys": [TRUSTED]}
            ledger.prove_entry(42, filed / "42.tlog-proof", **trusted)
        yield dsn, filed


@pytest.fixture
def filed(model: tuple[str, Path], tmp_path: Path) -> Path:
    """A copy of the folder, which the test may change."""
    return Path(shutil.copytree(model[1], tmp_path / "filed"))


@pytest.fixture
def attacked(server: str, model: tuple[str, Path]) -> Iterator[Forger]:
    """A copy of the ledger, which the test may change."""
    with cloned(server, model[0]) as forger:
        yield forger


@pytest.mark.parametrize("python", pythons())
def test_the_oldest_and_the_newest_python_prove_what_can_be_proven(filed: Path, python: str) -> None:
    told = verify_folder(filed, "--key", TRUSTED, python=python)
    assert told.code == 0, told.output
    assert told.against == told.lines("OPEN") == []
    assert told.lines("PROVEN") == [
        "ledger.jsonl: 100 entries: numbers, times, links and entry hashes are correct by the profile ski",
        "ledger.jsonl: every column is as the signed record of checkpoints/000000000100.checkpoint says",
        "42.tlog-proof: entry 42 is among the 100 of its checkpoint",
    ]
    assert told.conclusion.startswith("The first 100 entries are those that bank.example/ledger signed")


@pytest.mark.parametrize("format_", ["json", "jsonl", "csv", "json.gz", "jsonl.gz", "csv.gz"])
def test_every_format_of_an_export_is_read_whatever_is_in_it(forger: Forger, tmp_path: Path, format_: str) -> None:
    folder = tmp_path / "filed"
    folder.mkdir()
    entries = list(hostile_entries())
    ledger = Ledger(forger.build(entries=entries).dsn)
    ledger.export_entries(output_file=folder / f"ledger.{format_}", excel_safe="csv" in format_, with_verifier=True)
    told = verify_folder(folder)
    assert (told.code, told.against) == (0, []), told.output
    assert told.lines("PROVEN")[0].startswith(f"ledger.{format_}: {len(entries):,} entries: numbers, times, links and")
    assert "nothing from outside vouches for this folder" in told.conclusion


def exported_again(ledger: Ledger, folder: Path) -> None:
    ledger.export_entries(output_file=folder / "ledger.jsonl", force=True)


ON_ENTRIES = [attack.name for attack in attacks_in(entries, deletions)]
"""The attacks that change what an export has; those on the catalog and on checkpoints do not."""


@pytest.mark.parametrize("attack", ON_ENTRIES)
def test_an_attack_is_found_in_an_export_if_the_program_finds_it_there(
    filed: Path, attacked: Forger, attack: str
) -> None:
    TAMPERINGS[attack](attacked)
    exported_again(Ledger(attacked.dsn), filed)
    export = Ledger(str(filed / "ledger.jsonl"))
    found = export.verify_integrity(checkpoints=[filed / "checkpoints"], verifier_keys=[TRUSTED])
    told = verify_folder(filed, "--key", TRUSTED)
    assert (found.assurance is Assurance.TAMPERED) == bool(told.against), f"{found}\n{told.output}"


def test_what_is_filed_with_an_export_is_written_once_and_never_over_something_else(
    forger: Forger, tmp_path: Path
) -> None:
    ledger = Ledger(forger.build(10).dsn)
    first = ledger.export_entries(output_file=tmp_path / "a.csv", with_verifier=True)
    second = ledger.export_entries(output_file=tmp_path / "b.csv", with_verifier=True)
    beside = {"verify.py", "ski.profile.json"}
    assert {Path(file.path).name for file in first.files} == {"a.csv", "a.csv.manifest.json", *beside}
    assert {Path(file.path).name for file in second.files} == {"b.csv", "b.csv.manifest.json"}
    (tmp_path / "verify.py").write_text("mine")
    with pytest.raises(UsageError, match=r"verify\.py exists already"):
        ledger.export_entries(output_file=tmp_path / "c.csv", with_verifier=True)
    assert not (tmp_path / "c.csv").exists()
    with pytest.raises(UsageError, match="--with-verifier writes files next to the export"):
        export_request("-", format="csv", with_verifier=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--key", "nonsense+00000000+AA=="], "a key cannot be read: is not a verifier key of Ed25519"),
        (["--key", f"x+00000000+{encode(bytes([1, 1, *[0] * 31]))}"], "a key cannot be read: is not a verifier key"),
        (["--key", "nowhere"], "a key cannot be read"),
        (["nowhere"], "there is no folder nowhere"),
    ],
)
def test_wrong_usage_is_code_2(tmp_path: Path, arguments: list[str], expected: str) -> None:
    told = verify_folder(
        tmp_path if "--key" in arguments else Path("nowhere"), *arguments[: 2 * ("--key" in arguments)]
    )
    assert (told.code, expected in told.output) == (2, True), told.output


def test_a_folder_without_anything_to_verify_is_code_3(tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").write_text('"id"\n')
    told = verify_folder(tmp_path)
    assert (told.code, told.conclusion) == (3, "Nothing could be verified.")
    assert told.lines("OPEN") == ["ledger.csv has no manifest, and was not read"]


@pytest.mark.parametrize(
    ("format_", "old", "new"),
    [
        ("csv", '"2"', '"2'),
        ("csv", "\n2,", "\n2,,"),
        ("csv", '"timestamp"', '"time"'),
        ("jsonl", '"verdict":', '"verdict":1,"verdict":'),
        ("jsonl", '"sequence_number":2', '"sequence_number":"two"'),
        ("jsonl", '"verdict":', '"opinion":'),
        ("json", '"entries": [', '"entries": [ '),
        ("json", '"entry_count"', '"entry_counts"'),
    ],
)
def test_a_malformed_export_is_never_proven(forger: Forger, tmp_path: Path, format_: str, old: str, new: str) -> None:
    export = tmp_path / f"ledger.{format_}"
    Ledger(forger.build(5).dsn).export_entries(output_file=export, with_verifier=True)
    text = export.read_text("utf-8")
    assert old in text or format_ == "csv"
    export.write_text(text.replace(old, new, 1) if old in text else text[:-2], "utf-8")
    manifest = json.loads(manifest_path(export).read_text("utf-8"))
    content = export.read_bytes()
    manifest |= {"size": len(content), "sha256": sha256(content).hexdigest()}
    manifest_path(export).write_text(json.dumps(manifest), "utf-8")
    told = verify_folder(tmp_path)
    assert (told.code, told.lines("PROVEN")) == (1, []), told.output
    assert any(line.startswith(export.name) for line in told.against)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("ledger.jsonl")]
)
def test_a_folder_with_links_and_pipes_is_not_read(filed: Path, make: Callable[[Path], object]) -> None:
    make(filed / "more.checkpoint")
    told = verify_folder(filed, "--key", TRUSTED)
    assert (told.code, told.against) == (1, ["more.checkpoint is not a regular file"])


@pytest.mark.parametrize(
    ("name", "content"), [("ledger.jsonl", b" " * 2**20), ("ledger.csv", (b"x" * 1023 + b"\n") * 2**10)]
)
def test_an_export_that_grows_when_it_is_unpacked_does_not_fill_the_memory(
    forger: Forger, tmp_path: Path, name: str, content: bytes
) -> None:
    export = tmp_path / "filed" / f"{name}.gz"
    export.parent.mkdir()
    Ledger(forger.build(1).dsn).export_entries(output_file=export, with_verifier=True)
    with gzip.open(export, "rb") as file:
        head = file.readline() + b'"' if name.endswith(".csv") else b""
    export.write_bytes(gzip.compress(head) + gzip.compress(content, 9) * 70)
    told = verify_folder(export.parent)
    assert (told.code, any("of more than 67,108,864 characters" in one for one in told.against)) == (1, True)
