"""Folders that somebody made to deceive or to exhaust the verifier: it names the file, quickly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.ledger import Ledger
from tests.forger import Forger
from tests.support.provenance import build_signed
from tests.support.signers import PEM, write_private
from tests.support.standalone import verify_folder

KEY = SigningKey("bank.example/ledger", sha256(b"signing").digest())
TRUSTED = str(KEY.verifier())
PROFILE, EXPORT, CHECKPOINT = "ski.profile.json", "ledger.jsonl", "checkpoints/000000000020"


@pytest.fixture
def filed(forger: Forger, tmp_path: Path) -> Path:
    """A folder with the export of a clean ledger, its profile, a checkpoint and the record of that."""
    ledger = Ledger(build_signed(forger, 20).dsn)
    folder = tmp_path / "filed"
    folder.mkdir()
    ledger.export_entries(output_file=folder / EXPORT, with_verifier=True)
    write_private(tmp_path / "signing.key", KEY.text())
    ledger.create_checkpoint(folder / "checkpoints", tmp_path / "signing.key")
    return folder


def test_json_columns_and_envelopes_are_proven(filed: Path) -> None:
    (filed.parent / "runtime.pem").write_text(PEM, "utf-8")
    told = verify_folder(filed, "--key", TRUSTED, "--key", str(filed.parent / "runtime.pem"))
    assert (told.code, told.lines("OPEN")) == (0, []), told.output
    assert f"{EXPORT}: 20 envelopes match their hashes" in told.lines("PROVEN")
    assert f"{EXPORT}: 20 transcripts match their hashes" in told.lines("PROVEN")
    assert f"{EXPORT}: 20 transcripts are signed by a key that you gave" in told.lines("PROVEN")
    assert f"{EXPORT}: every column is as the signed record of {CHECKPOINT}.checkpoint says" in told.lines("PROVEN")


def test_signatures_of_transcripts_are_open_without_their_key(filed: Path) -> None:
    told = verify_folder(filed, "--key", TRUSTED)
    assert told.lines("OPEN") == [f"{EXPORT}: {UNSIGNED}"]


def test_a_signature_of_a_transcript_that_was_exchanged_differs(filed: Path) -> None:
    """Both copies of it, so the document agrees with its column."""
    lines = (filed / EXPORT).read_text("utf-8").splitlines(keepends=True)
    one, other = (json.loads(line)["transcript_signature"] for line in lines[:2])
    fitted(filed, "".join([lines[0].replace(one, other), *lines[1:]]))
    (filed.parent / "runtime.pem").write_text(PEM, "utf-8")
    told = verify_folder(filed, "--key", str(filed.parent / "runtime.pem"))
    assert f"{EXPORT}: entry 1 does not have the signature that was hashed or signed" in told.lines("DIFFERS")


def fitted(folder: Path, text: str) -> None:
    """Write an export, and a manifest that fits it."""
    (folder / EXPORT).write_text(text, "utf-8")
    manifest = json.loads((folder / f"{EXPORT}.manifest.json").read_text("utf-8"))
    manifest |= {"size": len(text.encode()), "sha256": sha256(text.encode()).hexdigest()}
    (folder / f"{EXPORT}.manifest.json").write_text(json.dumps(manifest), "utf-8")


def in_export(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / EXPORT).read_text("utf-8")
        assert old in text
        fitted(folder, text.replace(old, new, 1))

    return change


def in_profile(change: Callable[[Any], object]) -> Callable[[Path], None]:
    """Return a change of the payload in the profile."""

    def changed(folder: Path) -> None:
        data = json.loads((folder / PROFILE).read_text("utf-8"))
        change(data["hashes"]["entry_hash"]["default"]["items"][0])
        (folder / PROFILE).write_text(json.dumps(data), "utf-8")

    return changed


def item(column: str, *step: Any) -> Any:
    return {"lead": "", "when": [], "column": column, "steps": [list(step)], "null": None}


def twice(name: str, key: str) -> Callable[[Path], None]:
    """Return a change that states a key of JSON twice."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(text.replace(f'"{key}":', f'"{key}": 1, "{key}":', 1), "utf-8")

    return change


def content(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def second_profile(folder: Path) -> None:
    (folder / "a").mkdir()
    text = (folder / PROFILE).read_text("utf-8").replace("0" * 64, "1" * 64)
    (folder / "a" / PROFILE).write_text(text, "utf-8")


def swapped(folder: Path) -> None:
    """Exchange a record and a manifest."""
    record, manifest = folder / f"{CHECKPOINT}.record.json", folder / f"{EXPORT}.manifest.json"
    one, other = record.read_bytes(), manifest.read_bytes()
    record.write_bytes(other)
    manifest.write_bytes(one)


def of_another_ledger(folder: Path) -> None:
    """Sign the same text by another key of the same name."""
    path = folder / f"{CHECKPOINT}.checkpoint"
    text = path.read_text("utf-8").partition("\n\n")[0]
    path.write_bytes(SigningKey(KEY.name, sha256(b"forged").digest()).sign(f"{text}\n"))


UNSIGNED = "20 transcripts: signed by no key that you gave: --key FILE"
CHANGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a value that grows in steps": (EXPORT, in_profile(lambda it: it["steps"].extend([["encoded", "hex"]] * 64))),
    "a digest of no name": (EXPORT, in_profile(lambda it: it["steps"].append(["digest", "none"]))),
    "decimals": (EXPORT, in_profile(lambda it: it["items"].append(item("sequence_number", "decimals", 10**12, False)))),
    "a zone of another folder": (
        EXPORT,
        in_profile(lambda it: it["items"].append(item("timestamp", "time", "%Y", "../../etc/passwd"))),
    ),
    "a long prefix": (EXPORT, in_profile(lambda it: it.update(prefix=10**10))),
    "a laxer profile": (EXPORT, in_profile(lambda it: it["items"].pop())),
    "two profiles": (f"{EXPORT}.manifest.json", second_profile),
    "a number with an exponent": (EXPORT, in_export('"sequence_number":2,', '"sequence_number":1e999999999,')),
    "a number of many digits": (EXPORT, in_export('"sequence_number":2,', f'"sequence_number":2{"0" * 10**6},')),
    "no number": (EXPORT, in_export('"sequence_number":2,', '"sequence_number":null,')),
    "deep documents": (
        EXPORT,
        in_export('"envelope_json":{', '"envelope_json":{"a":' + "[" * 10**5 + "]" * 10**5 + ","),
    ),
    "another mark than a comma": (EXPORT, in_export(',"entry_hash"', ';"entry_hash"')),
    "an envelope": (EXPORT, in_export('"envelope_json":{"', '"envelope_json":{"more": 1, "')),
    "a transcript": (EXPORT, in_export('"transcript_json":{"', '"transcript_json":{"response_hash": "", "')),
    "a column that no hash covers": (EXPORT, in_export('"created_at":"2', '"created_at":"1')),
    "a byte order mark": (EXPORT, lambda folder: fitted(folder, "\ufeff" + (folder / EXPORT).read_text("utf-8"))),
    "another encoding": (
        EXPORT,
        lambda folder: (folder / EXPORT).write_bytes((folder / EXPORT).read_text("utf-8").encode("utf-16")),
    ),
    "a key twice in the manifest": (f"{EXPORT}.manifest.json", twice(f"{EXPORT}.manifest.json", "entries")),
    "a key twice in the profile": (f"{EXPORT}.manifest.json", twice(PROFILE, "name")),
    "a key twice in the record": (f"{CHECKPOINT}.record.json", twice(f"{CHECKPOINT}.record.json", "size")),
    "swapped files": (f"{CHECKPOINT}.record.json", swapped),
    "a checkpoint of another key": (f"{CHECKPOINT}.record.json", of_another_ledger),
    "bytes for a checkpoint": ("more.checkpoint", content("more.checkpoint", bytes(range(256)))),
    "a manifest of nothing": (".manifest.json", content(".manifest.json", b"{}")),
    "a proof of nothing": ("1.tlog-proof", content("1.tlog-proof", b"c2sp.org/tlog-proof@v1\n")),
}


def test_every_change_is_named_at_its_file(filed: Path) -> None:
    found = {}
    for name, (file, change) in CHANGES.items():
        folder = filed.with_name("changed")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(filed, folder)
        change(folder)
        told = verify_folder(folder, "--key", TRUSTED)
        if name == "a checkpoint of another key":  # whose lines nobody trusts, so it vouches for nothing
            assert "no checkpoint for an export here is signed" in told.conclusion, told.output
        elif told.code != 1 or not any(line.startswith(file) for line in told.against):
            found[name] = told.output
    assert found == {}


def test_a_file_that_would_fill_the_memory_is_not_read(filed: Path) -> None:
    with (filed / "more.checkpoint").open("wb") as file:
        file.truncate(2**27)
    told = verify_folder(filed, "--key", TRUSTED)
    assert told.lines("WRONG") == ["more.checkpoint has more than 67,108,864 bytes"]


def test_names_of_files_reach_no_terminal(filed: Path) -> None:
    (filed / "\x1b[31mred.jsonl").write_text("", "utf-8")
    told = verify_folder(filed, "--key", TRUSTED)
    assert told.lines("OPEN")[0] == "\\x1b[31mred.jsonl has no manifest, and was not read"
