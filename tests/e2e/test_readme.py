"""The quick start of the README, as a new user runs it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.service import Service

pytestmark = pytest.mark.timeout(400)
README = Path(__file__).parents[2] / "README.md"
TRAIN_AND_CLASSIFY = "In a second terminal"


def commands(service: Service, folder: Path) -> list[str]:
    """The commands that follow the start of the service, for this service and folder; one epoch is enough to test them."""
    text = README.read_text()
    block = text[text.index(TRAIN_AND_CLASSIFY) :].split("```")[1]
    for written, used in (
        ("http://127.0.0.1:8000", service.url),
        ("/tmp/digits", str(folder)),  # noqa: S108  # the README's example
        (".venv/bin/python", sys.executable),
        ('"epochs":4', '"epochs":1'),
    ):
        assert written in block
        block = block.replace(written, used)
    return [re.split(r"\s+# ", line)[0] for line in block.splitlines()[1:] if line]


def run(command: str) -> str:
    """The output of a shell command that succeeds."""
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout  # noqa: S602  # a shell is what a reader uses


def test_the_quick_start_leads_to_a_model_that_recognises_a_seven(service: Service, tmp_path: Path) -> None:
    submit, watch, export, classify = commands(service, tmp_path / "digits")
    job = json.loads(run(f"{submit} --silent --fail"))
    assert job["object"] == "job"
    assert "event: end" in run(watch.replace("job_…", job["id"]))
    assert service.client.job(job["id"])["status"] == "succeeded"
    run(export)
    [prediction] = json.loads(run(f"{classify} --silent --fail"))["predictions"]
    assert prediction["label"] == "7"
