"""A connection to a server that ends although the network stalls.

libpq waits for an answer as long as TCP holds the connection, and a proxy can hold it for good. No signal and no
timeout of the server ends that wait. So a thread watches each connection that has a limit, and shuts its socket down
when no answer came for that long; libpq then returns an error. The same thread keeps an idle session alive with a cheap
query from time to time, so that the server can end the sessions of processes that are gone.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import closing, contextmanager, suppress
from threading import Event, RLock, Thread
from typing import Any

import psycopg2
from psycopg2 import extensions
from psycopg2.extras import RealDictCursor

from pytest_audit_ledger.sources.dsn import Dsn

TICK_S = 0.2
"""Seconds between two looks at a connection."""

_CANCEL_LIMIT_S = 10.0

KEEPALIVES = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""Parameters of libpq by which a host that is gone is noticed within a minute."""


GRACE_S = 2.0
"""Seconds that the wire may be silent beyond the timeout of the server, so that the server's own answer comes first."""


class Silence(psycopg2.OperationalError):
    """The server sent nothing for so many seconds, and the wait was ended here."""

    def __init__(self, seconds: float) -> None:
        """Take the seconds."""
        super().__init__(f"the server sent nothing for {seconds:,.0f} s")
        self.seconds = seconds


class Line:
    """How long the server has been silent on one connection, and the socket that ends the wait."""

    def __init__(self, fileno: int) -> None:
        """Take the connection's socket. It is duplicated, so that its number never means another file."""
        self._socket = socket.socket(fileno=os.dup(fileno))
        self._lock = RLock()
        self.timeout_s: float | None = None
        """Seconds that the server gives a statement."""
        self.took_s = 0.0
        """Seconds that the last statement took."""
        self._beat: Callable[[], None] | None = None
        self._beat_s = 0.0
        self._awaited: float | None = None
        self._last = time.monotonic()
        self._is_silent = False
        self._closed = Event()
        self.statement = 0
        """The number of the statement that was sent last."""

    def watch(self, timeout_s: float) -> None:
        """From now on, hang up when an answer is awaited for much longer than the server gives a statement."""
        if self.timeout_s is None:
            Thread(target=self._watch, name="audit-ledger-watch", daemon=True).start()
        self.timeout_s = timeout_s

    def keep_alive(self, beat: Callable[[], None], every_s: float) -> None:
        """Call `beat`, in a thread, when nothing was sent for `every_s` seconds. Needs `watch`."""
        self._beat, self._beat_s = beat, every_s

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is awaited."""
        return self._awaited is not None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Await an answer meanwhile. Raises Silence instead of libpq's error if the watch hung up."""
        with self._lock:
            self.statement += 1
            started = self._awaited = time.monotonic()
            try:
                yield
            except (psycopg2.Error, SystemError) as error:
                if self._is_silent:
                    raise Silence((self.timeout_s or 0) + GRACE_S) from error
                if isinstance(error, SystemError):  # psycopg2's for some connections that end during COPY
                    raise psycopg2.OperationalError("server closed the connection") from error
                raise
            finally:
                self._awaited = None
                self._last = time.monotonic()
                self.took_s = self._last - started

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Await nothing meanwhile: bytes came, and this process is at work on them."""
        was_waiting, self._awaited = self.is_waiting, None
        try:
            yield
        finally:
            self._awaited = time.monotonic() if was_waiting else None

    @contextmanager
    def free(self) -> Iterator[bool]:
        """Keep other threads from sending, if none does at the moment; yields whether none does."""
        is_free = self._lock.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self._lock.release()

    def hang_up(self) -> None:
        """Shut the connection down; whoever waits for it gets an error."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop watching. Hang up if another thread still awaits an answer, which would keep the connection open."""
        self._closed.set()
        if self.is_waiting:
            self.hang_up()
        self._socket.close()

    def __del__(self) -> None:
        """Close the duplicate with a connection that nobody closed."""
        self._socket.close()

    def _watch(self) -> None:
        while not self._closed.wait(TICK_S):
            now, awaited = time.monotonic(), self._awaited
            if awaited is not None and self.timeout_s is not None and now - awaited > self.timeout_s + GRACE_S:
                self._is_silent = True
                self.hang_up()
                return
            if awaited is None and self._beat is not None and now - self._last > self._beat_s:
                self._last = now
                Thread(target=self._beat, name="audit-ledger-beat", daemon=True).start()


class _Waiting(extensions.cursor):
    """A cursor whose statements are watched."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  (psycopg2's name)
        with _line(self).waiting():
            super().execute(query, vars)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        with _line(self).waiting():
            super().copy_expert(sql, file, size)


class RowsCursor(_Waiting, RealDictCursor):
    """A watched cursor whose rows are dicts."""


class Connection(extensions.connection):
    """A connection that can be watched. Its `repr` is its address: psycopg2's own shows sslpassword."""

    def __init__(self, dsn: Dsn) -> None:
        """Connect. Raises psycopg2.Error.

        psycopg2.connect would keep the DSN in a variable of its frame, which a traceback can show.
        """
        super().__init__(dsn.resolved().having().reveal())
        self.cursor_factory = _Waiting
        self.line = Line(self.fileno())
        self.backend_pid = self.info.backend_pid
        """The server's process: a pooler's invention, until somebody asks for the true one in a transaction."""
        self._named = dsn

    def commit(self) -> None:
        """Commit, watched."""
        with self.line.waiting():
            super().commit()

    def rollback(self) -> None:
        """Roll back, watched."""
        with self.line.waiting():
            super().rollback()

    def close(self) -> None:
        """Close, also while another thread awaits an answer."""
        self.line.close()
        super().close()

    def cancel(self) -> None:
        """Ask the server over another connection to stop the statement. Raises psycopg2.Error.

        psycopg2's own waits for an answer without limit, and lets no other thread run meanwhile.
        """
        with closing(connected(self._named, _CANCEL_LIMIT_S)) as other, other.cursor() as cursor:
            other.line.watch(_CANCEL_LIMIT_S)
            cursor.execute("SELECT pg_catalog.pg_cancel_backend(%s)", (self.backend_pid,))

    def beat(self) -> None:
        """Send the cheapest query if a transaction is idle, so that the server does not end it."""
        with self.line.free() as is_free, suppress(psycopg2.Error):
            if is_free and self.info.transaction_status != extensions.TRANSACTION_STATUS_IDLE:
                with self.cursor() as cursor:
                    cursor.execute("SELECT 1")

    def __repr__(self) -> str:
        return f"<connection to {Dsn(self.dsn)}>"


def _line(cursor: extensions.cursor) -> Line:
    connection = cursor.connection
    assert isinstance(connection, Connection)  # noqa: S101  (tells the type checker)
    return connection.line


def connected(dsn: Dsn, limit_s: float | None = None) -> Connection:
    """Return a connection to the database of a DSN. Raises psycopg2.Error, Silence after `limit_s` seconds.

    libpq's connect_timeout does not bound what psycopg2 sends first, nor the name service.
    """
    made: futures.Future[Connection] = futures.Future()

    def connect() -> None:
        try:
            connection = Connection(dsn)
        except BaseException as error:  # noqa: BLE001  (the waiting thread raises it)
            if made.set_running_or_notify_cancel():
                made.set_exception(error)
        else:
            if made.set_running_or_notify_cancel():
                made.set_result(connection)
            else:  # nobody waits any more
                connection.close()

    Thread(target=connect, name="audit-ledger-connect", daemon=True).start()
    try:
        return made.result(limit_s)
    except futures.TimeoutError as error:
        if made.cancel():
            raise Silence(limit_s or 0) from error
        return made.result()
    finally:
        made.cancel()
