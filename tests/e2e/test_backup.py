"""A backup of one running service becomes another one that answers alike."""

import os
import subprocess
from pathlib import Path

import pytest

from ninefold.client import Json
from tests.e2e.service import NINEFOLD, Service

pytestmark = pytest.mark.timeout(300)
EPOCHS = 20


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


def test_a_backup_becomes_a_service_that_answers_alike(tmp_path: Path, tiny_folder: Path) -> None:
    image, file = tiny_folder / "0" / "0.png", tmp_path / "backup.tar"
    old = Service(tmp_path / "old")
    try:
        old.client.add_dataset(tiny_folder, "tiny")
        done_id = old.submit(epochs=2)
        old.client.wait(done_id)
        answer = predict(old, image)
        running_id = old.submit(EPOCHS)
        old.wait_for_epoch(running_id, 1)
        made = ninefold("backup", str(file), "--data-dir", str(tmp_path / "old"))
        assert made.returncode == 0, made.stderr
        refused = ninefold("restore", str(file), "--data-dir", str(tmp_path / "old"))
        assert refused.returncode == 1
        assert refused.stderr.startswith("restore: This Redis knows jobs already")
        aliases = old.client.model("tiny")["aliases"]
    finally:
        old.close()

    new = Service(tmp_path / "new")
    try:
        restored = ninefold("restore", str(file), "--data-dir", str(tmp_path / "new"))
        assert restored.returncode == 0, restored.stderr
        assert predict(new, image) == answer
        assert new.client.model("tiny")["aliases"] == aliases
        assert new.client.job(done_id)["status"] == "succeeded"
        job = new.assert_succeeds(running_id, EPOCHS)
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["worker_lost", "succeeded"]
        assert job["result"]["model"]["version"] == 2
    finally:
        new.close()
