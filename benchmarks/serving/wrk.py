"""Sends one image repeatedly with wrk, a load generator that takes little of the machine."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("post.lua")


@dataclass(frozen=True)
class Load:
    """The requests of one run."""

    requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    """Requests without an answer, and answers whose status is not 2xx."""


def post_with_wrk(url: str, image: Path, form_field: str | None, connections: int, seconds: int) -> Load:
    """Post an image over some keep-alive connections; with a form field as multipart, without one as the raw body.

    Raises:
        FileNotFoundError: wrk is not installed.
        CalledProcessError: the server cannot be reached.
    """
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "60s",
        "-s",
        str(_SCRIPT),
        url,
    ]
    arguments = ["--", str(image), form_field or "raw"]
    output = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True).stdout
    run = json.loads(output.strip().splitlines()[-1])
    rate = run["requests"] / run["duration_s"]
    return Load(run["requests"], rate, run["p50_ms"], run["p99_ms"], run["errors"])
