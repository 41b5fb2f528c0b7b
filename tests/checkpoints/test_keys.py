"""Keys as options name them, and the files that hold them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from pytest_audit_ledger.checkpoints.keys import signing_key, verifier_keys, write_signing_key
from pytest_audit_ledger.checkpoints.note import SigningKey
from pytest_audit_ledger.errors import OutputError, UsageError
from pytest_audit_ledger.files.writing import whole_files

KEY = SigningKey("bank.example/ledger", bytes(range(32)))
OTHER = SigningKey("bank.example/ledger", bytes(range(1, 33)))


def test_a_key_is_a_text_or_lies_in_a_file_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# since May\n{KEY.verifier()}\n\n  {OTHER.verifier()}  \n")
    assert verifier_keys([str(KEY.verifier())]) == (KEY.verifier(),)
    assert verifier_keys([str(file), str(KEY.verifier())]) == (KEY.verifier(), OTHER.verifier())
    assert verifier_keys([]) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no verifier key in ''"),
        ("nowhere.key", "nowhere.key is not a verifier key: it does not have the form NAME"),
        ("name+00000000+AAAA", "it is not an Ed25519 key"),
        ("x" * 5000, "is not a verifier key"),
        ("a\0b", "is not a verifier key"),
    ],
)
def test_what_is_no_key_is_told_with_what_to_give(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        verifier_keys([text])
    assert "keygen" in caught.value.remedy


def test_a_signing_key_in_the_place_of_a_verifier_key_does_not_show(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    file.write_text(KEY.text())
    for text in (KEY.text(), str(file)):
        with pytest.raises(UsageError) as caught:
            verifier_keys([text])
        assert KEY.text().rpartition("+")[2] not in str(caught.value)
    with pytest.raises(UsageError) as caught:
        signing_key(KEY.text())
    assert KEY.text().rpartition("+")[2] not in str(caught.value)


def test_a_file_without_keys_says_so(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# nothing yet\n")
    with pytest.raises(UsageError, match="no verifier key in"):
        verifier_keys([str(file)])
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read: Not UTF-8 text"):
        verifier_keys([str(file)])


@pytest.mark.parametrize("text", ["", "nonsense", str(KEY.verifier())])
def test_a_file_without_a_signing_key_says_so_and_nothing_of_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "signing.key"
    file.write_text(text)
    with pytest.raises(UsageError, match="does not contain a signing key: it does not begin with PRIVATE"):
        signing_key(file)
    with pytest.raises(UsageError, match="There is no file"):
        signing_key(tmp_path / "nowhere")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_key_is_for_its_owner_alone_and_comes_back(tmp_path: Path, umask: int) -> None:
    file = tmp_path / "signing.key"
    before = os.umask(umask)
    try:
        verifier = write_signing_key(file, "bank.example/ledger")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signing_key(file).verifier() == verifier


def test_a_signing_key_that_every_user_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    write_signing_key(file, "bank.example/ledger")
    for mode in (0o604, 0o602, 0o644):
        file.chmod(mode)
        with pytest.raises(UsageError, match=rf"Other users may .*Run: chmod 600 {file}"):
            signing_key(file)
    file.chmod(0o640)
    assert signing_key(file).name == "bank.example/ledger"


def test_a_key_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    write_signing_key(file, "bank.example/ledger")
    before = file.read_bytes()
    with pytest.raises(OutputError, match="File exists") as caught:
        write_signing_key(file, "bank.example/ledger")
    assert "No partial file is left" not in str(caught.value)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["", "a b", "a+b"])
def test_a_name_that_no_ledger_can_have_is_a_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a ledger"):
        write_signing_key(tmp_path / "signing.key", name)
    assert list(tmp_path.iterdir()) == []


def _no_links(target: Path, path: Path) -> None:
    """As the file system of a bucket answers."""
    raise OSError(errno.EOPNOTSUPP, "Operation not supported", str(target), None, str(path))


def _write_newer(files: list[Path]) -> None:
    with whole_files(*files, overwrite=False) as drafts:
        for draft in drafts:
            draft.write(b"newer")


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_files_that_are_not_to_be_overwritten_are_written_all_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", _no_links)
    files = [tmp_path / name for name in "abc"]
    files[1].write_text("older")
    with pytest.raises(OutputError, match="File exists"):
        _write_newer(files)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "older"}
    files[1].unlink()
    _write_newer(files)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys("abc", "newer")
