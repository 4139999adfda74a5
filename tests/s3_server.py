"""Runs an S3 server (moto) with one bucket, for the tests of storage."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

BUCKET = "bucket"


@contextmanager
def running_s3() -> Iterator[dict[str, str]]:
    """Run the server; yields the environment variables with its address and credentials."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - the import takes 0.5 s, and few tests need it

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
    try:
        yield {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
    finally:
        server.stop()
