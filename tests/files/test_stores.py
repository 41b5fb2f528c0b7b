"""Objects in a store are read and written as files are: within limits, whole or not at all, and never over another."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pytest_audit_ledger.errors import OutputError, UsageError
from pytest_audit_ledger.files import stores
from pytest_audit_ledger.files.reading import is_file, open_regular, read_bytes
from pytest_audit_ledger.files.stores import PIECE, StorePath, is_store, path_of
from pytest_audit_ledger.files.writing import refuse_existing, whole_files
from tests.support.object_store import BUCKET, LOCKED, ObjectStore

THERE = f"s3://{BUCKET}/a/b.json"


def written(
    *addresses: str,
    data: bytes = b"new",
    overwrite: bool = False,
    lock: str | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Write the same to each address; something else happens before that is complete."""
    with whole_files(*(path_of(address, lock=lock) for address in addresses), overwrite=overwrite) as drafts:
        for draft in drafts:
            draft.write(data)
        meanwhile()


@pytest.mark.parametrize("data", [b"", b"small", os.urandom(2 * PIECE + 1)], ids=["empty", "one request", "in parts"])
def test_what_was_written_is_read_again(store: ObjectStore, data: bytes) -> None:
    written(THERE, data=data)
    assert store.get(BUCKET, "a/b.json") == data
    assert read_bytes(path_of(THERE), len(data)) == data
    assert store.uploads(BUCKET) == []


@pytest.mark.parametrize("data", [b"", b"small", os.urandom(2 * PIECE + 1)], ids=["empty", "one request", "in parts"])
def test_a_name_that_is_taken_meanwhile_is_refused_by_the_store_itself(store: ObjectStore, data: bytes) -> None:
    with pytest.raises(OutputError, match=r"could not be written: File exists\. It is never overwritten"):
        written(THERE, data=data, meanwhile=lambda: store.put(BUCKET, "a/b.json", b"theirs"))
    assert store.get(BUCKET, "a/b.json") == b"theirs"
    assert store.uploads(BUCKET) == []


def test_an_upload_that_is_interrupted_leaves_no_parts(store: ObjectStore) -> None:
    written(THERE, data=b"first")  # which connects
    events = stores._connected("s3", os.getpid()).s3.meta.events

    def interrupt(**_: object) -> None:
        events.unregister("before-call.s3.UploadPart", interrupt)
        os.kill(os.getpid(), signal.SIGINT)

    events.register("before-call.s3.UploadPart", interrupt)
    with pytest.raises(KeyboardInterrupt):
        written(f"s3://{BUCKET}/large", data=bytes(3 * PIECE))
    assert store.keys(BUCKET) == ["a/b.json"]
    assert store.uploads(BUCKET) == []


def test_of_several_new_objects_none_is_left_if_one_cannot_be_written(store: ObjectStore) -> None:
    store.put(BUCKET, "c", b"theirs")
    with pytest.raises(OutputError, match=f"s3://{BUCKET}/c could not be written"):
        written(f"s3://{BUCKET}/a", f"s3://{BUCKET}/b", f"s3://{BUCKET}/c")
    assert store.keys(BUCKET) == ["c"]


def test_a_name_that_an_earlier_attempt_took_is_ours(store: ObjectStore) -> None:
    """The answer to it was lost, so the request was repeated and refused."""
    written(THERE, meanwhile=lambda: store.put(BUCKET, "a/b.json", b"new"))
    assert store.get(BUCKET, "a/b.json") == b"new"


def test_what_stays_of_an_upload_that_broke_off_is_named(store: ObjectStore) -> None:
    """A policy forbids to delete, as it should; the fourth name is taken."""
    policy = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    store.client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    store.put(BUCKET, "c", b"theirs")
    with pytest.raises(OutputError, match=f"could not be removed: s3://{BUCKET}/a, s3://{BUCKET}/b"):
        written(f"s3://{BUCKET}/a", f"s3://{BUCKET}/b", f"s3://{BUCKET}/c")
    assert store.keys(BUCKET) == ["a", "b", "c"]


def test_another_store_works_by_the_same_code() -> None:
    """The one of fsspec that is in memory; it knows no conditional writes, so only the first look refuses a name."""
    address = "memory://bucket/a/b.json"
    written(address, data=b"x" * (PIECE + 1))
    assert read_bytes(path_of(address), PIECE + 1) == b"x" * (PIECE + 1)
    assert [str(one) for one in path_of("memory://bucket/a").iterdir()] == [address]
    with pytest.raises(UsageError, match="exists already"):
        refuse_existing(path_of(address), force=False)


def test_nothing_is_uploaded_if_the_writer_fails(store: ObjectStore) -> None:
    with pytest.raises(ZeroDivisionError):
        written(THERE, meanwhile=lambda: 1 / 0)
    assert store.keys(BUCKET) == []


def test_an_object_is_overwritten_only_by_force(store: ObjectStore) -> None:
    store.put(BUCKET, "a/b.json", b"old")
    with pytest.raises(UsageError, match="exists already"):
        refuse_existing(path_of(THERE), force=False)
    refuse_existing(path_of(THERE), force=True)
    written(THERE, overwrite=True)
    assert store.get(BUCKET, "a/b.json") == b"new"


def test_an_object_that_is_locked_cannot_be_deleted_until_then(store: ObjectStore) -> None:
    written(f"s3://{LOCKED}/x", lock="compliance:30d")
    found = store.head(LOCKED, "x")
    until = found["ObjectLockRetainUntilDate"] - datetime.now(timezone.utc)
    assert timedelta(days=29, hours=23) < until <= timedelta(days=30)
    with pytest.raises(ClientError, match="AccessDenied"):
        store.client.delete_object(Bucket=LOCKED, Key="x", VersionId=found["VersionId"])


def test_an_upload_in_parts_asks_for_the_lock_when_it_begins(store: ObjectStore) -> None:
    """Recorded, because moto locks only what comes in one request."""
    with store.recorded() as requests:
        written(f"s3://{LOCKED}/x", data=os.urandom(2 * PIECE + 1), lock="governance:30d")
    begun = next(json.loads(one)["headers"] for one in requests if b"?uploads" in one)
    assert begun["X-Amz-Object-Lock-Mode"] == "GOVERNANCE"
    assert begun["X-Amz-Object-Lock-Retain-Until-Date"]


def test_a_bucket_that_locks_nothing_refuses_a_lock(store: ObjectStore) -> None:
    with pytest.raises(UsageError, match=f"{BUCKET} does not lock objects.*Create the bucket with object lock"):
        written(THERE, lock="governance:1d")
    assert store.keys(BUCKET) == []


@pytest.mark.parametrize("text", ["compliance", "compliance:0d", "legal:3d", "governance:3h", "governance:123456d", ""])
def test_a_lock_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Invalid --ledger-object-lock"):
        path_of(THERE, lock=text)


def test_a_local_file_cannot_be_locked() -> None:
    with pytest.raises(UsageError, match="not in a store that can lock"):
        path_of("x.json", lock="compliance:3d")


def test_an_object_that_is_too_large_is_not_read(store: ObjectStore) -> None:
    store.put(BUCKET, "a/b.json", b"12345678")
    assert read_bytes(path_of(THERE), 8) == b"12345678"
    with pytest.raises(OSError, match="Larger than 7 bytes"):
        read_bytes(path_of(THERE), 7)


def test_what_is_no_object_is_refused(store: ObjectStore) -> None:
    store.put(BUCKET, "a/b.json", b"x")
    assert is_file(path_of(THERE))
    assert not is_file(path_of(f"s3://{BUCKET}/a"))
    assert not is_file(path_of(f"s3://{BUCKET}/nothing"))
    with pytest.raises(OSError, match="Is a folder"):
        read_bytes(path_of(f"s3://{BUCKET}/a"))
    with pytest.raises(OSError, match="No such file"):
        read_bytes(path_of(f"s3://{BUCKET}/nothing"))
    with pytest.raises(UsageError, match="is a folder"):
        written(f"s3://{BUCKET}/a")


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed_with_the_new_one(store: ObjectStore) -> None:
    store.put(BUCKET, "a/b.json", b"1" * 3 * PIECE)
    with open_regular(path_of(THERE)) as file:
        file.read(10)
        store.put(BUCKET, "a/b.json", b"2" * 3 * PIECE)
        with pytest.raises(OSError, match="Replaced while it was read"):
            file.read()


def test_memory_does_not_grow_with_the_object(store: ObjectStore) -> None:
    """The peak of this process is compared before and after 200 MB went up and came back."""
    written(f"s3://{BUCKET}/warm", data=bytes(3 * PIECE))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    piece = os.urandom(PIECE)
    with whole_files(path_of(THERE)) as (draft,):
        for _ in range(25):
            draft.write(piece)
    with open_regular(path_of(THERE)) as file:
        while file.read(PIECE):
            pass
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_addresses_have_names_and_parents_as_paths_have() -> None:
    path = path_of("s3://bucket/a/5.checkpoint/")
    assert isinstance(path, StorePath)
    assert (str(path), path.name, path.suffix) == ("s3://bucket/a/5.checkpoint", "5.checkpoint", ".checkpoint")
    assert str(path.with_suffix(".record.json")) == "s3://bucket/a/5.record.json"
    assert (str(path.parent / "x"), str(path.with_name("y"))) == ("s3://bucket/a/x", "s3://bucket/a/y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("s3://b/k", True), ("gs://b/k", True), ("postgresql://h/db", False), ("postgres://h/db", False)),
        *(("x.json", False), ("./s3://b", False), ("C://x", False), ("dbname=x", False)),
    ],
)
def test_a_dsn_is_no_address_of_a_store(text: str, expected: bool) -> None:
    assert is_store(text) is expected


def test_a_path_is_relative_to_a_folder_and_an_address_is_not() -> None:
    assert path_of("x", "/suites") == Path("/suites/x")
    assert str(path_of("s3://b/x", "/suites")) == "s3://b/x"


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///k", "s3://b//k", "s3://b/../c", "s3://b/k?x=1", "s3://b/*", "s3://b/a::c"]
)
def test_an_address_that_could_mean_something_else_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="not an address in a store"):
        path_of(address)


@pytest.mark.parametrize("address", ["s3://AKID:s3cr3t@bucket/k", "s3://AKID:s3/cr3t@bucket/k", "sftp://u:s3cr3t@h/k"])
def test_an_address_with_a_password_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(UsageError, match="holds a password") as refusal:
        path_of(address)
    assert "cr3t" not in str(refusal.value)
