"""Objects in a store, such as `s3://bucket/prefix`, through fsspec: read in pieces, uploaded in parts.

Credentials come only from where the store's own library looks for them: the environment, a profile, the role of a
machine. An address that holds a password is refused. Each request has a time limit.

A path that cannot be read raises OSError with a `strerror`, as a local one does. What concerns the store as a whole (no
credentials, no such bucket, no network) raises LedgerError with what to do: UsageError if the user has to change
something, otherwise SourceError on reading, OutputError on writing.
"""

from __future__ import annotations

import asyncio
import errno
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, TypeVar

from pytest_audit_ledger.errors import LedgerError, OutputError, SourceError, UsageError

if sys.version_info >= (3, 11):
    from typing import Self
else:
    from typing_extensions import Self

_SCHEME = re.compile(r"(?!postgres)[a-z][a-z0-9+.-]*://")
_S3 = ("s3", "s3a")

CONNECT_TIMEOUT_S, READ_TIMEOUT_S, ATTEMPTS = 10, 30, 3

LEAST_SPEED = 100_000
"""Bytes a second below which an upload is given up."""

PIECE = 8 * 1024 * 1024
"""Bytes that are read ahead, and of a part that is uploaded."""

_AT_ONCE = 4
"""Parts in memory during an upload."""

_SLASHES_OF_BUCKET = 2
"""Slashes in the address of a bucket without anything below."""

_MOST_PARTS = 10_000
"""S3 allows no more parts in an object."""


@dataclass(frozen=True)
class ObjectLock:
    """How long S3 keeps an object from being deleted or replaced, and whether anybody may end that earlier."""

    mode: str
    length: timedelta

    @classmethod
    def parse(cls, text: str) -> ObjectLock:
        """Read `compliance:30d` or `governance:30d`. Raises UsageError."""
        found = re.fullmatch(r"(compliance|governance):([1-9][0-9]{0,4})d", text)
        if not found:
            raise UsageError(
                f"Invalid --ledger-object-lock {text!r}.",
                "Use compliance:DAYSd, which nobody can end early, or governance:DAYSd; for example compliance:3650d.",
            )
        return cls(found[1].upper(), timedelta(days=int(found[2])))

    def request(self) -> Mapping[str, Any]:
        """Return the parameters of S3 that lock an object from now on."""
        until = datetime.now(timezone.utc).replace(microsecond=0) + self.length
        return {"ObjectLockMode": self.mode, "ObjectLockRetainUntilDate": until}


@dataclass(frozen=True, order=True)
class StorePath:
    """The address of an object, or of a prefix in the place of a folder; with what our rooms use of `pathlib.Path`.

    `lock`: how objects that are written there are locked.
    """

    url: str
    lock: ObjectLock | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Self:
        return replace(self, url=f"{self.url}/{name}")

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The suffix of the name."""
        return Path(self.name).suffix

    @property
    def parent(self) -> Self:
        """The prefix that the object is in."""
        return replace(self, url=self.url.rpartition("/")[0])

    @property
    def scheme(self) -> str:
        """The store's scheme, such as `s3`."""
        return self.url.partition(":")[0]

    @property
    def bucket(self) -> str:
        """The first part of the address."""
        return self.url.split("/", 3)[2]

    def with_name(self, name: str) -> Self:
        """Return the address with another name."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Self:
        """Return the address with another suffix."""
        return self.with_name(Path(self.name).with_suffix(suffix).name)

    def resolve(self) -> Self:
        """Return the address itself: a store has no links."""
        return self

    def exists(self) -> bool:
        """Return whether there is such an object, or one below."""
        return bool(self._kind())

    def is_file(self) -> bool:
        """Return whether there is such an object."""
        return self._kind() == "file"

    def is_dir(self) -> bool:
        """Return whether there are objects below, and none of this very name."""
        return self._kind() == "directory"

    def _kind(self) -> str:
        with suppress(FileNotFoundError):
            return str(_asked(self, SourceError, _file_system(self).info, self.url)["type"])
        return ""

    def iterdir(self) -> Iterator[Self]:
        """Yield the objects and prefixes directly below; none if there are none."""
        with suppress(FileNotFoundError):
            for path in _asked(self, SourceError, _file_system(self).ls, self.url, detail=False):
                yield self / path.rstrip("/").rpartition("/")[2]

    def below(self) -> Iterator[tuple[str, Self]]:
        """Yield all objects below, each with its name from here. Raises OSError for a name that leads elsewhere."""
        start = self.url.partition("://")[2] + "/"
        for path in _asked(self, SourceError, _file_system(self).find, self.url):
            name = path.removeprefix(start)
            if {"", ".", ".."} & {*name.split("/")}:
                raise OSError(errno.EINVAL, "Not a name that a file can have", str(self / name))
            yield name, self / name


AnyPath: TypeAlias = Path | StorePath


class Named(Protocol):
    """What paths and addresses have in common: from one, others are made."""

    @property
    def name(self) -> str:
        """The last part."""

    def __truediv__(self, name: str, /) -> Self: ...

    def with_name(self, name: str, /) -> Self:
        """Return the same with another name."""

    def with_suffix(self, suffix: str, /) -> Self:
        """Return the same with another suffix."""


P = TypeVar("P", bound=Named)


def is_store(text: str) -> bool:
    """Return whether a text is the address of a store."""
    return _SCHEME.match(text) is not None


def path_of(text: str | AnyPath, here: str | Path = "", lock: str | None = None) -> AnyPath:
    """Return the path or address that a user names; a path is relative to `here`. `lock`: see `ObjectLock.parse`.

    Raises UsageError for an address that cannot be used.
    """
    if isinstance(text, StorePath):
        return text
    if isinstance(text, Path) or not is_store(text):
        if lock is not None:
            raise UsageError(
                f"{text} is not in a store that can lock objects.",
                "Write to s3://BUCKET/…, or omit --ledger-object-lock.",
            )
        return Path(here, text)
    scheme, _, rest = text.partition("://")
    return StorePath(f"{scheme}://{_checked(rest)}", ObjectLock.parse(lock) if lock is not None else None)


def named_from(folder: AnyPath, name: str) -> str:
    """Return how a file in a folder names another: by its relative path, or by its address if it is in a store."""
    if is_store(name):
        return name.removeprefix(f"{folder}/")
    return os.path.relpath(name, folder) if isinstance(folder, Path) else Path(name).name


def _checked(rest: str) -> str:
    """Return what follows the scheme, without slashes at its end. Raises UsageError, which never shows a password."""
    if "@" in rest and ":" in rest.partition("@")[0]:
        raise UsageError(
            "The address of a store holds a password.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and name only s3://BUCKET/PREFIX.",
        )
    parts = rest.rstrip("/").split("/")
    if {"", ".", ".."} & {*parts} or re.search(r"[?#*\[\\\x00-\x1f]|::", rest):
        raise UsageError(
            f"{re.split('[?#]', rest)[0]!r} is not an address in a store.",
            "Name s3://BUCKET/PREFIX, without empty parts, '..', '?', '#' or '*'.",
        )
    return "/".join(parts)


def open_object(path: StorePath) -> BinaryIO:
    """Open an object for reading. It is the same one to the end: if it is replaced meanwhile, that is an OSError.

    Raises OSError if there is none, and LedgerError if the store cannot be used.
    """
    settings = {"block_size": PIECE, "cache_type": "readahead"}
    file = _asked(path, SourceError, _file_system(path).open, path.url, "rb", **settings)
    if path.scheme in _S3 and file.details["type"] != "file":
        raise OSError(errno.EISDIR, "Is a folder", str(path))
    return io.BufferedReader(_Reader(file, path))


class _Reader(io.RawIOBase):
    """An open object whose errors are ours."""

    def __init__(self, file: Any, path: StorePath) -> None:
        self._file, self._path = file, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        return int(_asked(self._path, SourceError, self._file.readinto, buffer))

    def close(self) -> None:
        self._file.close()
        super().close()


def upload(files: Mapping[Path, StorePath], *, overwrite: bool) -> None:
    """Upload local files in this order; all, or none if they are new. Without `overwrite`, no name may be taken.

    Raises OSError for a taken name, and LedgerError if the store cannot be used.
    """
    done: list[StorePath] = []
    for local, target in files.items():
        try:
            _asked(target, OutputError, _put, local, target, overwrite=overwrite)
        except FileExistsError:
            if not _is_copy(local, target):  # otherwise an answer was lost, and the request repeated
                _take_back([] if overwrite else done)
                raise
        except BaseException:
            _take_back([] if overwrite else done)
            raise
        done.append(target)


def _put(local: Path, target: StorePath, *, overwrite: bool) -> None:
    mode = "overwrite" if overwrite else "create"  # If-None-Match: *, also when an upload in parts is completed
    system = _file_system(target)
    if target.scheme not in _S3:
        system.put_file(str(local), target.url, mode=mode)
        return
    size = local.stat().st_size
    patience = ATTEMPTS * READ_TIMEOUT_S + size / LEAST_SPEED  # botocore limits only the wait for an answer
    extra = {"chunksize": max(PIECE, size // (_MOST_PARTS - 1) + 1), "max_concurrency": _AT_ONCE}
    extra |= target.lock.request() if target.lock else {}

    async def put() -> None:
        await asyncio.wait_for(system._put_file(str(local), target.url, mode=mode, **extra), patience)

    bucket, key, _ = system.split_path(target.url)
    with _uploads_in_parts(system, key) as begun:
        putting = asyncio.run_coroutine_threadsafe(put(), system.loop)
        try:
            putting.result()
        except BaseException:  # s3fs aborts an upload for errors, but not if its time is over, nor for Ctrl-C
            putting.cancel()
            for upload in begun:
                with suppress(Exception):  # it is complete, or was aborted
                    system.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)
            raise


@contextmanager
def _uploads_in_parts(system: Any, key: str) -> Iterator[list[str]]:
    """Return a list to which the ids of the uploads of a key are added that S3 begins in parts meanwhile."""
    begun: list[str] = []

    def begins(parsed: Mapping[str, Any], **_: object) -> None:
        if parsed.get("Key") == key:
            begun.append(parsed["UploadId"])

    event, events = "after-call.s3.CreateMultipartUpload", system.s3.meta.events
    events.register(event, begins)
    try:
        yield begun
    finally:
        events.unregister(event, begins)


def _is_copy(local: Path, target: StorePath) -> bool:
    with local.open("rb") as ours, open_object(target) as theirs:
        while (block := ours.read(PIECE)) == theirs.read(PIECE):
            if not block:
                return True
    return False


def _take_back(uploaded: Sequence[StorePath]) -> None:
    """Remove objects that were just uploaded. Raises OutputError for those that stay: not everybody may remove."""
    left = []
    for path in uploaded:
        try:
            _file_system(path).rm_file(path.url)
        except Exception:  # noqa: BLE001, PERF203  (any library's, and no reason to leave the others)
            left.append(str(path))
    if left:
        raise OutputError(
            f"An upload broke off, and what is complete could not be removed: {', '.join(left)}.",
            "Ask who may delete there, or leave them: they are not used. Then run again.",
        )


def _file_system(path: StorePath) -> Any:
    """Return the file system of fsspec. Raises UsageError if there is none."""
    return _connected(path.scheme, os.getpid())


@cache
def _connected(scheme: str, _process: int) -> Any:
    """Return the file system of a process, for all of its threads; fsspec would make one for each."""
    lacking = f"Files in {scheme}:// need packages that are not installed."
    try:
        import fsspec  # noqa: PLC0415  (slow to import, and most runs need no store)

        if scheme not in _S3:
            return fsspec.filesystem(scheme, use_listings_cache=False)
        config = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": READ_TIMEOUT_S,
            "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        }
        for library in ("botocore", "aiobotocore"):  # at DEBUG, they log requests with the session token
            logging.getLogger(library).setLevel(logging.INFO)
        found = fsspec.filesystem(scheme, use_listings_cache=False, config_kwargs=config)
    except ImportError as error:
        raise UsageError(lacking, "Run: pip install 'pytest-audit-ledger[s3]'") from error
    except ValueError as error:
        raise UsageError(f"fsspec knows no store {scheme}://.", "Name s3://BUCKET/PREFIX.") from error
    found.retries = 1  # s3fs would repeat what botocore has repeated
    return found


def _asked(path: StorePath, refusal: type[LedgerError], ask: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Return what the library of a store answers. Whatever it raises becomes an error of ours.

    Neither a cause nor a local variable in the traceback is the library's own error, which may hold secrets.
    """
    try:
        return ask(*given, **named)
    except LedgerError:
        raise
    except Exception as error:  # noqa: BLE001  (any library's)
        found = _translated(path, error, refusal)
    raise found from None


def _translated(path: StorePath, error: Exception, refusal: type[LedgerError]) -> Exception:
    """Return OSError for what concerns this object, and LedgerError for what concerns the store."""
    code = _code(error)
    if isinstance(error, OSError) and error.filename == str(path):  # ours
        return error
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket" and path.url.count("/") > _SLASHES_OF_BUCKET:
        return FileNotFoundError(errno.ENOENT, "No such file", str(path))
    if isinstance(error, FileExistsError) or code == "PreconditionFailed":
        return FileExistsError(errno.EEXIST, "File exists", str(path))
    if type(error).__name__ == "FileExpired":
        return OSError(errno.ESTALE, "Replaced while it was read", str(path))
    return _explained(path, error, code, refusal)


def _code(error: BaseException) -> str:
    """Return the error code that the store answered with, empty if there was no answer."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, Mapping):
            return re.sub(r"\W", "", str(response.get("Error", {}).get("Code", "")))[:80]
    return ""


_CREDENTIALS = (
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"),
    *("TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError"),
)
_DENIED = ("AccessDenied", "AllAccessDisabled", "403", "400", "PermissionError")
"""The answer to HEAD is only a number, which is 400 if a token expired."""


def _explained(path: StorePath, error: Exception, code: str, refusal: type[LedgerError]) -> LedgerError:
    """Return what went wrong with a store, and what to do. `code`: its answer; empty if there was none."""
    what = "written" if refusal is OutputError else "read"
    failed, name = f"{path} cannot be {what}", code or type(error).__name__
    if name in _CREDENTIALS:
        return UsageError(
            f"{failed}: no credentials that the store accepts ({name}).",
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role of this machine.",
        )
    if name in _DENIED:
        needed = "s3:PutObject" if refusal is OutputError else "s3:ListBucket and s3:GetObject"
        return refusal(f"{failed}: access is denied.", f"Allow {needed} there, or use other credentials.")
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{failed}: there is no bucket {path.bucket}.", "Check its name, or create it.")
    if path.lock and name == "InvalidRequest":
        return UsageError(
            f"{failed}: {path.bucket} does not lock objects.",
            "Create the bucket with object lock, or omit --ledger-object-lock.",
        )
    if code:
        return refusal(f"{failed}: the store answered {code}.", "Try again, or ask who runs the store.")
    return refusal(
        f"{failed}: the store does not answer ({name}).",
        "Check the network, AWS_ENDPOINT_URL and AWS_REGION; then run again.",
    )
