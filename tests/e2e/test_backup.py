"""A backup of a running service, restored into an empty service, gives the same predictions and continues its jobs."""

import os
import subprocess
from pathlib import Path

import pytest

from ninefold.client.transport import Json
from tests.e2e.service import ENDLESS, NINEFOLD, Service
from tests.ninefold.processes import eventually

pytestmark = pytest.mark.timeout(300)


def ninefold(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "REDIS" not in name}
    return subprocess.run(
        [*NINEFOLD, *arguments], env=environment, check=False, capture_output=True, text=True, timeout=120
    )


def predict(service: Service, image: Path) -> Json:
    """Classify the image and return the response without its timings."""
    answer = service.client.predict([image], "tiny")
    assert answer.pop("timings_ms")
    return answer


def is_training_again(service: Service, job_id: str) -> bool:
    """Whether the job's second attempt has finished an epoch."""
    job = service.client.job(job_id)
    return len(job["attempts"]) == 2 and job["status"] == "running" and job["metrics"] is not None


def test_a_restored_backup_predicts_the_same_and_continues_its_jobs(
    tmp_path: Path, tiny_folder: Path
) -> None:
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
        assert refused.stderr.startswith("restore: This Redis already contains jobs")
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
        eventually(lambda: is_training_again(new, running_id), 90, "the job trains again")
        new.client.stop(running_id)
        job = new.client.wait(running_id)
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["worker_lost", "stopped"]
        assert job["result"]["model"]["version"] == 2
        for command, output in (
            ("gc", "deleted 0 in all, 0 bytes\n"),
            ("reindex", "0 models added to the registry\n"),
        ):
            assert ninefold(command, "--data-dir", str(tmp_path / "new")).stdout == output
    finally:
        new.close()
