"""A TCP proxy before a server, which stops forwarding on command and keeps every connection open."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from psycopg2.extensions import make_dsn, parse_dsn


class Proxy:
    """Forwards bytes to a server until it stalls: by `stall`, or when a client sends the text `stall_at`."""

    def __init__(self, dsn: str) -> None:
        self._target = parse_dsn(dsn)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self.stall_at: bytes | None = None
        self.stalled = Event()
        port = str(self._listener.getsockname()[1])
        self.dsn = str(make_dsn(**{**self._target, "host": "127.0.0.1", "port": port, "sslmode": "disable"}))

    def stall(self) -> None:
        """Forward nothing from now on, in either direction, for old connections and new ones."""
        self.stalled.set()

    def serve(self) -> None:
        """Accept connections until the proxy is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connected()
                self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    Thread(target=self._forward, args=(source, target, source is client), daemon=True).start()

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _connected(self) -> socket.socket:
        host, port = self._target["host"], int(self._target.get("port", "5432"))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _forward(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(16_384):
                if from_client and self.stall_at is not None and self.stall_at in data:
                    self.stall()
                if self.stalled.is_set():
                    return
                target.sendall(data)
            if not self.stalled.is_set():
                target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(dsn: str) -> Iterator[Proxy]:
    """Run a proxy before the server of a DSN."""
    running = Proxy(dsn)
    Thread(target=running.serve, daemon=True).start()
    try:
        yield running
    finally:
        running.close()
