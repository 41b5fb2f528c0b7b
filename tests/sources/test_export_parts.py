"""Exports are read in parts: whoever reads them finds what one process finds, and never another file."""

from __future__ import annotations

import csv
import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_audit_ledger import Assurance, Ledger
from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.files.stores import path_of
from pytest_audit_ledger.files.writing import BackgroundWriter
from pytest_audit_ledger.model import defaults
from pytest_audit_ledger.model.segment import FilePart
from pytest_audit_ledger.sources import export_parts, postgres
from pytest_audit_ledger.sources.export_file import ExportFile
from pytest_audit_ledger.sources.export_parts import measured
from pytest_audit_ledger.sources.export_records import records
from pytest_audit_ledger.verify.scan import EVERYTHING
from tests.forger import TAMPERINGS, Forger
from tests.support.anchored import KEY
from tests.support.clusters import cluster
from tests.support.object_store import BUCKET, ObjectStore
from tests.verify.test_pools import PROCESSES, compared
from tests.verify.test_profiles import JOIN, TAMPERED, table

NAMES = ["a", "b"]
TEXTS = st.text(st.sampled_from('a",\n\r\\ \u00e9\ufeff'), min_size=1, max_size=12)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=30)
FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut files into parts of a few entries."""
    monkeypatch.setattr(export_parts, "EXPORT_PART_BYTES", 2_000)
    monkeypatch.setattr(defaults, "EXPORT_PART_BYTES", 2_000)
    monkeypatch.setattr(BackgroundWriter, "PIECE", 1_000)
    monkeypatch.setattr(postgres, "BATCH_BYTES", 1_000)


@given(rows=ROWS, size=st.integers(1, 60), form=st.sampled_from(["jsonl", "csv"]))
def test_the_parts_of_a_file_have_every_record_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int, form: str
) -> None:
    path = tmp_path_factory.mktemp("parts") / f"x.{form}"
    with path.open("w", newline="", encoding="utf-8") as file:
        if form == "csv":
            csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([NAMES, *rows])
        else:
            file.writelines(json.dumps(dict(zip(NAMES, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_parts, "EXPORT_PART_BYTES", size)
        manifest = {"sha256": measured(path, form, None).sha256}
        parts = measured(path, form, manifest).parts
    whole = list(records(path))
    assert [record for part in parts for *_, record in records(path, part, NAMES)] == [record for *_, record in whole]
    if b"\r" not in path.read_bytes():
        assert [line for part in parts for line, *_ in records(path, part, NAMES)] == [line for line, *_ in whole]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("tampering", ["", "verdict-edited", "middle-deleted", "rewritten-from-middle"])
def test_several_workers_find_what_one_finds(forger: Forger, tmp_path: Path, form: str, tampering: str) -> None:
    forger.build(100)
    if tampering in TAMPERINGS:
        TAMPERINGS[tampering](forger)
    path = tmp_path / f"all.{form}"
    Ledger(forger.dsn).export_entries(output_file=path)
    with ExportFile(path).snapshot() as snapshot:
        assert len(snapshot.parts) > 5
    ledger = Ledger(str(path))
    alone = ledger.verify_integrity(samples=100)
    for how in ({"workers": 3}, {"workers": 2, "executor": PROCESSES}):
        found = ledger.verify_integrity(samples=100, **how)
        assert compared(found) == compared(alone)
        assert found.reading == alone.reading
    if tampering:
        assert [one.what for one in ledger.investigate(workers=3).incidents] == [
            one.what for one in ledger.investigate().incidents
        ]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_two_members_of_which_one_process_makes_one_line_are_refused_by_several_too(
    forger: Forger, tmp_path: Path, form: str
) -> None:
    forger.build(10)
    path = tmp_path / f"all.{form}.gz"
    Ledger(forger.dsn).export_entries(output_file=path)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    first = gzip.compress(b"".join(lines[:6]).rstrip(b"\n"))
    data = first + gzip.compress(b"".join(lines[6:]))
    path.write_bytes(data)
    parts = [{"start": 0, "line": 1}, {"start": len(first), "line": 7}]
    file = tmp_path / f"{path.name}.manifest.json"
    stated = {**json.loads(file.read_text("utf-8")), "size": len(data), "sha256": sha256(data).hexdigest()}
    file.write_text(json.dumps({**stated, "parts": parts}), "utf-8")
    for workers in (1, 3):
        assert Ledger(str(path)).verify_integrity(workers=workers).assurance is Assurance.UNVERIFIED


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("form", ["jsonl.gz", "csv"])
def test_several_workers_find_what_one_finds_in_streams_and_in_the_order_of_writing(
    forger: Forger, tmp_path: Path, form: str
) -> None:
    kept, path = tmp_path / "kept", tmp_path / f"all.{form}"
    ledger = Ledger(table(forger).dsn, profile=JOIN)
    ledger.create_checkpoint(kept, KEY)
    forger.run(f"SET session_replication_role = replica; {TAMPERED['an amount'][0]}")
    ledger.export_entries(output_file=path)
    trusted: Any = {"checkpoints": [kept], "verifier_keys": [str(KEY.verifier())], "samples": 100}
    alone, found = (Ledger(str(path), profile=JOIN).verify_integrity(**trusted, workers=one) for one in (1, 3))
    assert compared(found) == compared(alone)
    assert found.assurance is Assurance.TAMPERED


@pytest.mark.usefixtures("small_parts")
def test_workers_need_only_the_file_itself_wherever_they_work(
    forger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest says that apostrophes were added, and the path is relative."""
    forger.build(100)
    monkeypatch.chdir(tmp_path)
    Ledger(forger.dsn).export_entries(output_file="safe.csv", excel_safe=True)
    source = ExportFile("safe.csv")
    with source.snapshot() as snapshot:
        shared = snapshot.share()
        Path("safe.csv.manifest.json").unlink()
        monkeypatch.chdir("/")
        with source.reader(shared) as reader:
            assert reader.info.columns == snapshot.info.columns
            assert reader._excel_safe


@pytest.mark.usefixtures("small_parts")
def test_another_file_under_the_same_name_is_never_merged(forger: Forger, tmp_path: Path) -> None:
    forger.build(100)
    path = tmp_path / "all.jsonl"
    Ledger(forger.dsn).export_entries(output_file=path)
    with ExportFile(path).snapshot() as snapshot:
        part = snapshot.parts[1]
    data = bytearray(path.read_bytes())
    data[part.start + 40] ^= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="is not the file here that this run began to read"):
        list(records(path, part))


@pytest.mark.parametrize("form", [*FORMATS, "json"])
def test_one_process_reads_the_very_file_that_it_measured(forger: Forger, tmp_path: Path, form: str) -> None:
    """Else the manifest and the report are about one file, and what was found about another."""
    forger.build(100)
    path = tmp_path / f"all.{form}"
    Ledger(forger.dsn).export_entries(output_file=path)
    with ExportFile(path).snapshot() as snapshot:
        snapshot.scan(["sequence_number"], EVERYTHING, lambda _: None)
        TAMPERINGS["verdict-edited"](forger)
        Ledger(forger.dsn).export_entries(output_file=path, force=True)
        with pytest.raises(SourceError, match="is not the file here that this run began to read"):
            snapshot.scan(["sequence_number"], EVERYTHING, lambda _: None)


@pytest.mark.usefixtures("small_parts")
def test_a_compressed_file_that_its_manifest_does_not_describe_is_read_as_a_whole(
    forger: Forger, tmp_path: Path
) -> None:
    forger.build(100)
    path = tmp_path / "all.jsonl.gz"
    Ledger(forger.dsn).export_entries(output_file=path)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    found = Ledger(str(path)).verify_integrity(workers=2)
    assert found.assurance is Assurance.TAMPERED
    assert "export_manifest" in found.sentence


@pytest.mark.parametrize("stated", [[5], [0, 0], [0, 9, 4], [0, 10**9], [0.0, 1e9], [0, *range(10**6, 10**6 + 10_000)]])
def test_starts_that_cannot_be_cut_nothing_out_of_a_file(tmp_path: Path, stated: list[float]) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n'))
    whole = measured(path, "jsonl", None).sha256
    parts = measured(path, "jsonl", {"sha256": whole, "parts": [{"start": at, "line": 1} for at in stated]}).parts
    assert parts in ((), (FilePart(0, path.stat().st_size, whole, 1),))


def test_a_file_of_very_many_members_is_cut_into_few_parts(tmp_path: Path) -> None:
    """Every part is a task of its own, and a member may have no entry at all."""
    path = tmp_path / "x.jsonl.gz"
    member = gzip.compress(b"", mtime=0)
    path.write_bytes(member * 10_001)
    stated = [{"start": at * len(member), "line": 1} for at in range(10_001)]
    manifest = {"sha256": measured(path, "jsonl", None).sha256, "parts": stated}
    parts = measured(path, "jsonl", manifest).parts
    assert 100 < len(parts) <= export_parts.MOST_PARTS
    assert [*parts[0:1], parts[-1].end] == [
        FilePart(0, parts[1].start, parts[0].sha256, 1, has_next=True),
        path.stat().st_size,
    ]


@pytest.mark.usefixtures("small_parts")
def test_parts_are_read_from_a_store_by_workers_of_this_machine_and_of_a_cluster(
    forger: Forger, store: ObjectStore
) -> None:
    forger.build(100)
    address = f"s3://{BUCKET}/2026/all.jsonl.gz"
    Ledger(forger.dsn).export_entries(output_file=address)
    with ExportFile(path_of(address)).snapshot() as snapshot:
        assert len(snapshot.parts) > 5
    alone, found = (Ledger(address).verify_integrity(workers=workers) for workers in (1, 3))
    assert compared(found) == compared(alone)
    assert found.assurance is Assurance.SELF_CONSISTENT
    pytest.importorskip("distributed", reason="needs Dask: pip install 'pytest-audit-ledger[dask]'")
    with cluster(2, **store.environment) as (name, _):
        of_cluster = Ledger(address).verify_integrity(executor=name)
    assert compared(of_cluster) == compared(alone)
    assert of_cluster.reading == ""
