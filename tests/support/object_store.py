"""A real S3 server over HTTP on this machine, and another client of it than the one that is tested."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

import boto3
import fsspec
from botocore.config import Config

from pytest_audit_ledger.files import stores

BUCKET, LOCKED = "ledger-files", "ledger-archive"
REGION = "eu-central-1"
KEY_ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalr-s3cr3t-store-key", "s3cr3t-session-token"


class ObjectStore:
    """A server, with the buckets `BUCKET` and `LOCKED`, which locks objects."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="other",
            aws_secret_access_key="client",
            config=Config(s3={"addressing_style": "path"}),
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """What a user of the store has set."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": TOKEN,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def renew(self) -> None:
        """Forget everything, and make the buckets. Connections to stores are forgotten, too."""
        connected_anew()
        self._moto("reset")
        for bucket in (BUCKET, LOCKED):
            where = {"LocationConstraint": REGION}
            self.client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=bucket == LOCKED
            )

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def get(self, bucket: str, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def delete(self, bucket: str, key: str) -> None:
        self.client.delete_object(Bucket=bucket, Key=key)

    def keys(self, bucket: str) -> list[str]:
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=bucket).get("Contents", ())]

    def head(self, bucket: str, key: str) -> Any:
        """Return what the store says of an object, such as how it is locked."""
        return self.client.head_object(Bucket=bucket, Key=key)

    @contextmanager
    def recorded(self) -> Iterator[list[bytes]]:
        """Record what the server is asked, as JSON, for the end of the block. Requests at once can be mixed."""
        requests: list[bytes] = []
        self._moto("recorder/reset-recording")
        self._moto("recorder/start-recording")
        try:
            yield requests
        finally:
            self._moto("recorder/stop-recording")
            requests += self._moto("recorder/download-recording", "GET").splitlines()

    def _moto(self, route: str, method: str = "POST") -> bytes:
        """Ask what only moto has."""
        with urlopen(Request(f"{self.endpoint}/moto-api/{route}", method=method)) as response:
            data: bytes = response.read()
        return data

    def uploads(self, bucket: str) -> list[Any]:
        """Return the uploads in parts that were begun and neither completed nor aborted."""
        found: list[Any] = self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return found


def connected_anew() -> None:
    """Forget connections to stores, which keep what the environment was."""
    stores._connected.cache_clear()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run a server in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with TemporaryDirectory() as folder:  # where it would record
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(600):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert server.poll() is None, "the server ended"
                time.sleep(0.05)
            yield ObjectStore(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()
