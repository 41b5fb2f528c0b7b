"""Backups that are encrypted: for whom, with what, and what opens them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.backup import encryption
from pytest_audit_ledger.backup.encryption import Key, Opener, decrypt, opener_of, read_key
from pytest_audit_ledger.backup.proof import Method
from pytest_audit_ledger.backup.verification import verify_backup
from pytest_audit_ledger.errors import SourceError, UsageError
from tests.forger import Forger
from tests.support.backups import back_up, left, public


@pytest.mark.slow
def test_a_passphrase_from_a_file_or_a_variable_opens_what_it_encrypted(
    ledger: Forger, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("correct horse\nsecond line\n")
    monkeypatch.setenv("SECRET_OF_THE_TEST", "correct horse")
    result = back_up(ledger.dsn, tmp_path / "x.dump", encryption_key=f"@{tmp_path / 'secret'}")
    assert result.manifest["recipients"] == ["passphrase"]
    assert "correct" not in repr(result) + json.dumps(result.manifest)
    path = tmp_path / "x.dump.age"
    found = verify_backup(path, encryption_key="env:SECRET_OF_THE_TEST", scratch_db=server).proof
    assert (found.method, found.contradictions) == (Method.RESTORED, ())
    with path.open("rb") as file, pytest.raises(SourceError, match=r"cannot be decrypted.*or the passphrase"):
        decrypt(Opener(passphrase="another"), file, io.BytesIO())


def test_with_a_passphrase_a_backup_has_a_largest_size(
    ledger: Forger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "LARGEST_WITH_PASSPHRASE", 1 << 20)
    with pytest.raises(UsageError, match=r"up to 1 MiB, and this backup is larger\. Encrypt for a recipient"):
        back_up(ledger.dsn, tmp_path / "x.sql", encryption_key=Key(passphrase="secret"))
    assert left(tmp_path) == []


def ssh_key(folder: Path) -> tuple[str, Path]:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "id"], check=True)
    return (folder / "id.pub").read_text().strip(), folder / "id"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="the command ssh-keygen is not installed")
def test_ssh_keys_and_files_of_recipients_will_do(ledger: Forger, server: str, identity: Path, tmp_path: Path) -> None:
    line, private = ssh_key(tmp_path)
    (tmp_path / "recipients").write_text(f"# the two of us\n{public(identity)}\n\n{line}\n")
    result = back_up(ledger.dsn, tmp_path / "x.dump", server, encryption_key=f"@{tmp_path / 'recipients'}")
    assert result.manifest["recipients"] == [public(identity), line]
    for opener in (identity, private):
        found = verify_backup(tmp_path / "x.dump.age", identity=opener, scratch_db=server).proof
        assert found.method is Method.RESTORED
    with pytest.raises(UsageError, match="A private key cannot encrypt"):
        read_key(f"@{private}")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("hunter2", "This is not an encryption key. Give age1"),
        ("@", "This is not an encryption key"),
        ("@/nowhere/key", "The key file /nowhere/key cannot be read"),
        ("env:NOT_SET_AT_ALL", "'NOT_SET_AT_ALL' is not set"),
        ("age1nonsense", "The recipient age1nonsense is not valid"),
        ("ssh-ed25519 nonsense", "The recipient ssh-ed25519 nonsense is not valid"),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(named: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_key(named)
    assert "hunter2" not in str(caught.value)


def test_a_private_key_on_the_command_line_is_neither_taken_nor_repeated(identity: Path) -> None:
    secret = identity.read_text().splitlines()[1]
    with pytest.raises(UsageError) as caught:
        read_key(secret)
    assert secret not in str(caught.value)


def test_a_prompt_asks_twice_for_what_encrypts_and_once_for_what_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "correct horse"

    monkeypatch.setattr(encryption, "getpass", answer)
    assert read_key("prompt") == Key(passphrase="correct horse")
    assert read_key("prompt", confirmed=False) == Key(passphrase="correct horse")
    assert asked == ["Passphrase: ", "Repeat the passphrase: ", "Passphrase: "]
    monkeypatch.setattr(encryption, "getpass", lambda question: "")
    with pytest.raises(UsageError, match=r"The passphrase is empty;"):
        read_key("prompt")


def test_a_passphrase_and_a_private_key_are_not_both_taken(identity: Path) -> None:
    with pytest.raises(UsageError, match="Both a passphrase and a private key"):
        opener_of(Key(passphrase="secret"), identity)
    with pytest.raises(UsageError, match="A public key cannot open a backup"):
        opener_of(read_key(public(identity)), None)
    with pytest.raises(UsageError, match="has no private key"):
        opener_of(None, identity.with_suffix(".pub"))


def test_a_secret_that_pg_dump_takes_only_among_its_arguments_is_refused(ledger: Forger, tmp_path: Path) -> None:
    dsn = make_dsn(**{**parse_dsn(ledger.dsn), "sslpassword": "s3cret"})
    with pytest.raises(UsageError, match="sslpassword would be readable in the list of processes") as caught:
        back_up(dsn, tmp_path / "x.sql")
    assert "s3cret" not in str(caught.value)
    assert left(tmp_path) == []


@pytest.mark.skipif(shutil.which("age") is None, reason="the command age is not installed")
def test_the_command_age_opens_what_was_encrypted(ledger: Forger, identity: Path, tmp_path: Path) -> None:
    back_up(ledger.dsn, tmp_path / "x.sql.gz", encryption_key=public(identity))
    command = f"age --decrypt --identity {identity} x.sql.gz.age | zcat"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "PostgreSQL database dump complete" in done.stdout
    subprocess.run(["age", "-r", public(identity), "-o", "y.age", "x.sql.gz.age"], cwd=tmp_path, check=True)
