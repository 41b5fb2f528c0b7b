"""Whatever is wrong with a store is said in one sentence with what to do, soon, and without a secret."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from pytest_audit_ledger.errors import LedgerError, OutputError, SourceError, UsageError
from pytest_audit_ledger.files import stores
from pytest_audit_ledger.files.reading import read_bytes
from pytest_audit_ledger.files.stores import PIECE, StorePath, path_of
from pytest_audit_ledger.files.writing import whole_files
from tests.support.command import Invoke
from tests.support.object_store import BUCKET, SECRET, TOKEN, ObjectStore, connected_anew, free_port

THERE = f"s3://{BUCKET}/a"


def answered(status: str, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>"
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


@contextmanager
def server(answer: bytes | None) -> Iterator[str]:
    """Answer every request with these bytes, or never."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            kept.append(client)
            if answer is not None:
                is_head = client.recv(65_536).startswith(b"HEAD")
                client.sendall(answer[: answer.index(b"\r\n\r\n") + 4] if is_head else answer)
                client.close()

    Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for one in (listener, *kept):
            one.close()


def read() -> object:
    return read_bytes(path_of(THERE))


def listed() -> object:
    return list(path_of(f"s3://{BUCKET}/folder").iterdir())


def write(meanwhile: Callable[[], object] = lambda: None) -> object:
    with whole_files(path_of(THERE), overwrite=False) as (draft,):
        draft.write(b"x")
        return meanwhile()


Action = Callable[[], object]
ACTIONS = pytest.mark.parametrize("action", [read, listed, write])


def refused(action: Action) -> LedgerError:
    connected_anew()
    with pytest.raises(LedgerError) as refusal:
        action()
    shown = str(refusal.getrepr(style="long", showlocals=True, chain=True))
    assert not [secret for secret in (SECRET, TOKEN) if secret in shown]
    return refusal.value


@ACTIONS
def test_a_bucket_that_does_not_exist(store: ObjectStore, action: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    store.client.delete_bucket(Bucket=BUCKET)
    error = refused(action)
    assert isinstance(error, UsageError)
    assert error.message.endswith(f": there is no bucket {BUCKET}.")
    assert error.remedy == "Check its name, or create it."


@ACTIONS
def test_no_credentials(store: ObjectStore, action: Action, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    error = refused(action)
    assert isinstance(error, UsageError)
    assert "no credentials that the store accepts (NoCredentialsError)" in error.message
    assert error.remedy.startswith("Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")


def test_a_profile_that_does_not_exist(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "(ProfileNotFound)" in refused(read).message


ANSWERS = {
    "access denied": ("403 Forbidden", "AccessDenied", "access is denied", "Allow s3:"),
    "a wrong key": (
        "403 Forbidden",
        "SignatureDoesNotMatch",
        "no credentials that the store accepts",
        "Set AWS_PROFILE",
    ),
    "an expired token": ("400 Bad Request", "ExpiredToken", "no credentials that the store accepts", "Set AWS_PROFILE"),
    "anything else": (
        "400 Bad Request",
        "RequestTimeTooSkewed",
        "the store answered RequestTimeTooSkewed",
        "Try again",
    ),
}


@ACTIONS
@pytest.mark.parametrize("case", ANSWERS)
def test_the_store_refuses(store: ObjectStore, monkeypatch: pytest.MonkeyPatch, case: str, action: Action) -> None:
    status, code, message, remedy = ANSWERS[case]
    with server(answered(status, code)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        error = refused(action)
    if action is not listed:  # begins with HEAD, whose answer has no code
        message, remedy = "access is denied", "Allow s3:"
    assert message in error.message
    assert error.remedy.startswith(remedy)


@ACTIONS
def test_a_store_that_nobody_answers_for(store: ObjectStore, monkeypatch: pytest.MonkeyPatch, action: Action) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    error = refused(action)
    assert isinstance(error, SourceError)
    assert "the store does not answer (EndpointConnectionError)" in error.message


@ACTIONS
def test_a_store_that_never_answers_a_request(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    monkeypatch.setattr(stores, "READ_TIMEOUT_S", 1)
    monkeypatch.setattr(stores, "ATTEMPTS", 2)
    started = time.monotonic()
    with server(None) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        error = refused(action)
    assert "the store does not answer (ReadTimeoutError)" in error.message
    assert time.monotonic() - started < 15


def test_a_store_that_stops_taking_what_is_uploaded(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stores, "READ_TIMEOUT_S", 1)
    monkeypatch.setattr(stores, "ATTEMPTS", 1)
    monkeypatch.setattr(stores, "LEAST_SPEED", 10 * PIECE)
    (tmp_path / "x").write_bytes(bytes(PIECE))
    with server(None) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        error = refused(lambda: stores.upload({tmp_path / "x": StorePath(THERE)}, overwrite=False))
    assert isinstance(error, OutputError)
    assert "the store does not answer (TimeoutError)" in error.message


def test_an_answer_that_breaks_off(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "READ_TIMEOUT_S", 1)
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        error = refused(listed)
    assert "the store does not answer" in error.message


def test_a_network_that_goes_away_before_the_upload(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut() -> None:
        monkeypatch.setattr(stores, "CONNECT_TIMEOUT_S", 2)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        connected_anew()

    error = refused(lambda: write(cut))
    assert isinstance(error, OutputError)
    assert "cannot be written: the store does not answer" in error.message


def test_a_command_says_so_in_one_sentence(store: ObjectStore, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = ("checkpoint", "list", f"s3://{BUCKET}/x", "--verifier-key", "x")
    result = invoke(*listing)
    assert (result.exit_code, result.output) == (
        2,
        f"Error: There is no folder s3://{BUCKET}/x. Name the folder that holds the checkpoints.\n",
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(stores, "CONNECT_TIMEOUT_S", 2)
    connected_anew()
    result = invoke(*listing)
    assert result.exit_code == 3
    assert result.output.startswith(f"Error: s3://{BUCKET}/x cannot be read: the store does not answer (")


def test_without_the_extra_the_message_names_it(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from pytest_audit_ledger.cli import main\n"
        "main(['checkpoint', 'list', 's3://b/x', '--verifier-key', 'x'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: Files in s3:// need packages that are not installed. Run: pip install 'pytest-audit-ledger[s3]'\n",
    )


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="fsspec knows no store nothing://"):
        path_of("nothing://b/x").exists()
