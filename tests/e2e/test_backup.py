"""A backup of one running service becomes another one that answers alike."""

import os
import subprocess
from pathlib import Path

import pytest

from ninefold.client.transport import Json
from tests.e2e.service import NINEFOLD, Service
from tests.ninefold.processes import eventually

pytestmark = pytest.mark.timeout(300)
ENDLESS = 1000
"""Epochs: such a job runs until it is stopped."""


def ninefold(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "REDIS" not in name}
    return subprocess.run(
        [*NINEFOLD, *arguments], env=environment, check=False, capture_output=True, text=True, timeout=120
    )


def predict(service: Service, image: Path) -> Json:
    """The answer without its timings."""
    answer = service.client.predict([image], "tiny")
    assert answer.pop("timings_ms")
    return answer


def goes_on(service: Service, job_id: str) -> bool:
    """Whether the second attempt has trained an epoch."""
    job = service.client.job(job_id)
    return len(job["attempts"]) == 2 and job["status"] == "running" and job["metrics"] is not None


def test_a_backup_becomes_a_service_that_answers_alike(tmp_path: Path, tiny_folder: Path) -> None:
    image, file = tiny_folder / "0" / "0.png", tmp_path / "backup.tar"
    old = Service(tmp_path / "old")
    try:
        old.client.add_dataset(tiny_folder, "tiny")
        done_id = old.submit(epochs=2)
        old.client.wait(done_id)
        answer = predict(old, image)
        running_id = old.submit(ENDLESS)
        old.wait_for_epoch(running_id, 1)
        made = ninefold("backup", str(file), "--data-dir", str(tmp_path / "old"))
        assert made.returncode == 0, made.stderr
        refused = ninefold("restore", str(file), "--data-dir", str(tmp_path / "old"))
        assert refused.returncode == 1
        assert refused.stderr.startswith("restore: This Redis knows jobs already")
        aliases = old.client.model("tiny")["aliases"]
    finally:
        old.close()

    nowhere = ninefold("gc", "--data-dir", str(tmp_path / "nowhere"))
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)
    new = Service(tmp_path / "new")
    try:
        restored = ninefold("restore", str(file), "--data-dir", str(tmp_path / "new"))
        assert restored.returncode == 0, restored.stderr
        assert predict(new, image) == answer
        assert new.client.model("tiny")["aliases"] == aliases
        assert new.client.job(done_id)["status"] == "succeeded"
        eventually(lambda: goes_on(new, running_id), 90, "the job trains again")
        new.client.stop(running_id)
        job = new.client.wait(running_id)
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["worker_lost", "stopped"]
        assert job["result"]["model"]["version"] == 2
        for command, said in (("gc", "deleted 0 in all, 0 bytes\n"), ("reindex", "0 models entered\n")):
            assert ninefold(command, "--data-dir", str(tmp_path / "new")).stdout == said
    finally:
        new.close()
