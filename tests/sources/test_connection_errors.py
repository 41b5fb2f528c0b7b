"""What is said of a parameter that is misspelt, and of certificates that do not fit: the name of the parameter."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatch
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.sources.postgres import PostgresSource

NOWHERE = "host=127.0.0.1 port=1 user=u dbname=d"


def refused(dsn: str) -> str:
    with pytest.raises(SourceError) as caught:
        PostgresSource(dsn).connect()
    return str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        (
            f"{NOWHERE} sslmode=requre",
            'The DSN has an invalid sslmode: * (invalid sslmode value: "requre"). Set sslmode to disable, allow, *',
        ),
        (f"{NOWHERE} gssencmode=x", '*invalid value: * (invalid gssencmode value: "x"). Correct the parameter *'),
        (f"{NOWHERE} connect_timeout=x", '*invalid value: * (*"connect_timeout"). Correct the parameter *'),
        ("host=127.0.0.1 port=99999", '*invalid value: * (invalid port number: "99999"). Correct the parameter *'),
        (f"{NOWHERE} sslrootcert=system sslmode=prefer", '*invalid value: * (weak sslmode "prefer" *). Correct *'),
    ],
)
def test_a_misspelt_parameter_is_named(dsn: str, words: str) -> None:
    found = refused(dsn)
    assert fnmatch(found, words), found


def certificate(folder: Path, name: str) -> None:
    """Write a certificate that is signed by its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}.example")])
    now = datetime.now(timezone.utc)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    (folder / f"{name}.crt").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / f"{name}.key").chmod(0o600)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[str]:
    """A server with a certificate; it speaks PostgreSQL's protocol up to TLS, where libpq looks at that."""
    for name in ("server", "other"):
        certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.recv(8)  # SSLRequest (PostgreSQL documentation, Message Formats)
                        connection.sendall(b"S")
                        with context.wrap_socket(connection, server_side=True) as secured:
                            secured.recv(1)

        Thread(target=answer, daemon=True).start()
        yield f"host=127.0.0.1 port={listener.getsockname()[1]} user=u dbname=d gssencmode=disable"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("sslmode=verify-full sslrootcert=none.crt", "*certificate could not be checked: *Set sslrootcert to *"),
        ("sslmode=verify-ca sslrootcert=other.crt", "*certificate could not be checked: *Set sslrootcert to *"),
        ("sslmode=verify-full sslrootcert=server.crt", "*certificate is for another host: *Set host to a name *"),
        ("sslmode=require sslcert=server.key sslkey=server.key", "*certificate could not be used: *Set sslcert to *"),
        ("sslmode=require sslcert=other.crt sslkey=none.key", "*key could not be used: *Set sslkey to *"),
    ],
)
def test_an_error_of_a_certificate_names_the_parameter(
    certified: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = refused(f"{certified} {parameters}")
    assert fnmatch(found, words), found
