"""From a folder of images to predictions with the commands that the README shows."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import redis

from ninefold import NinefoldError
from ninefold.client.transport import Json
from tests.e2e.service import NINEFOLD, UNUSABLE_PROXIES, Service
from tests.worker.packing import packer
from worker.queue.store import JobStore
from worker.redis_server.connection import connect

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def finished(service: Service) -> Json:
    """A job that has succeeded after two epochs, whose model is `tiny`."""
    return service.client.wait(service.submit(epochs=2))


def run(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NINEFOLD, *arguments, "--url", service.url],
        env=os.environ | UNUSABLE_PROXIES,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_folder_of_images_becomes_a_model_that_classifies(
    service: Service, tiny_folder: Path, tmp_path: Path
) -> None:
    mine = shutil.copytree(tiny_folder, tmp_path / "Mine!")
    (mine / "2" / "1.png").rename(mine / "2" / os.fsdecode(b"caf\xe9.png"))
    (mine / "2" / "gone.png").symlink_to(tmp_path / "nothing")
    (mine / "2" / "notes.txt").write_text("no image")
    (mine / "2" / "2.png").unlink()  # with the same images it would be a dataset of another test
    added = run(service, "datasets", "add", str(mine))
    assert added.returncode == 0, added.stderr
    assert "The dataset is named mine" in added.stderr
    assert "not sent 2/gone.png: No such file" in added.stderr
    assert "skipped 2/notes.txt: " in added.stderr
    assert "mine" in run(service, "datasets", "list").stdout
    flat, rows = tmp_path / "flat", ["id,kind,place"]
    flat.mkdir()
    for number, image in enumerate(sorted(tiny_folder.glob("*/*.png"))):
        shutil.copy(image, flat / f"{number}.png")
        rows.append(f"{number},{'even' if number % 2 else 'odd'},{number % 3}")
    (tmp_path / "kinds.csv").write_text("\n".join(rows))
    add_flat = ("datasets", "add", str(flat), "--labels", str(tmp_path / "kinds.csv"))
    refused = run(service, *add_flat)
    assert refused.returncode == 1
    assert "kind (2 values)" in refused.stderr
    labelled = run(service, *add_flat, "--label-column", "kind")
    assert "2 classes: even, odd" in labelled.stdout
    assert "warning: The classes come from kinds.csv: column kind" in labelled.stderr

    trained = run(service, "submit", "mine", "--watch", "--epochs", "4", "--image-size", "16")
    assert trained.returncode == 0, trained.stderr
    assert re.match(r"job_\w{26}\n", trained.stdout)
    assert "epoch 4/4" in trained.stdout
    assert "test accuracy" in trained.stdout
    assert "model mine:1" in trained.stdout

    assert re.search(
        r"^job_\w{26}  succeeded  mine +mine +test accuracy",
        run(service, "jobs", "list").stdout,
        re.MULTILINE,
    )
    assert re.search(
        r"^mine:1 +mdl_\w+ +test accuracy .*@production$", run(service, "models", "list").stdout, re.MULTILINE
    )
    job_id = trained.stdout.split()[0]
    assert json.loads(run(service, "jobs", "get", job_id).stdout)["status"] == "succeeded"
    assert run(service, "jobs", "logs", job_id).stdout
    workers = [json.loads(line) for line in run(service, "workers", "list", "--json").stdout.splitlines()]
    assert sorted(lane for worker in workers for lane in worker["lanes"]) == ["light", "training"]

    files = [str(tiny_folder / "0" / "3.png"), str(tiny_folder / "3" / "3.png")]
    pictures = tmp_path / "pictures"
    answered = run(service, "predict", *files, "--model", "mine:1", "--explain", str(pictures))
    assert answered.returncode == 0, answered.stderr
    for line, file in zip(answered.stdout.splitlines(), files, strict=True):
        assert re.fullmatch(rf"{re.escape(file)}( +\d \d+\.\d%)+", line)
    assert sorted(path.name for path in pictures.iterdir()) == ["3-2.explained.png", "3.explained.png"]


def test_watching_a_finished_job_prints_its_epochs_and_result(service: Service, finished: Json) -> None:
    job_id = finished["id"]
    watched = run(service, "watch", job_id)
    assert watched.returncode == 0
    assert "epoch 2" in watched.stdout
    assert "test accuracy" in watched.stdout

    environment = service.environment_of("worker")  # of a new service, which packs at once
    with connect(environment["REDIS_URL"]) as client:
        after_days = float(environment["NINEFOLD_PACK_AFTER_DAYS"])
        assert job_id in packer(JobStore(client), after_days).pack_all()
    assert run(service, "watch", job_id).stdout == watched.stdout


def test_a_rerun_has_the_same_weights_although_the_model_was_deleted(service: Service) -> None:
    spec = {"epochs": 2, "image_size": 16, "recipe": "classic", "batch_size": 16, "seed": 3}
    job_id = service.client.submit("tiny", name="original", promote="never", **spec)["id"]
    service.client.delete_model(service.client.wait(job_id)["result"]["model"]["id"])
    again = run(service, "submit", "--rerun-of", job_id, "--watch")
    assert again.returncode == 0, again.stderr
    assert f"the weights are equal to those of {job_id}" in again.stdout
    rerun = service.client.job(again.stdout.split()[0])
    assert rerun["result"]["rerun"] == {"of": job_id, "reproduced": True, "differences": []}
    assert rerun["result"]["environment"]["device"] == "cpu"
    assert run(service, "submit", "tiny", "--rerun-of", job_id).returncode == 2


def test_a_refused_command_prints_one_line_without_a_traceback(service: Service) -> None:
    for arguments in (
        ["submit", "nothing"],
        ["watch", "job_nothing"],
        ["submit", "tiny", "--set", "colour=red"],
    ):
        refused = run(service, *arguments)
        assert refused.returncode == 1
        assert refused.stderr.startswith("ninefold: ")
        assert "Traceback" not in refused.stderr


def test_a_file_that_is_no_image_is_named(
    service: Service, finished: Json, tmp_path: Path, tiny_folder: Path
) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    answered = run(
        service, "predict", str(tiny_folder / "1" / "1.png"), str(tmp_path / "notes.txt"), "--model", "tiny"
    )
    assert answered.returncode == 1
    assert "error: " in answered.stdout.splitlines()[1]
    assert "1 of 2 files" in answered.stderr


def test_reindex_restores_models_that_redis_lost(service: Service, finished: Json) -> None:
    model_id = finished["result"]["model"]["id"]
    environment = service.environment_of("api")
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        for pattern in ("ninefold:model*", "ninefold:versions*"):
            client.delete(*client.scan_iter(pattern))
    with pytest.raises(NinefoldError):
        service.client.model(model_id)
    done = subprocess.run(
        [*NINEFOLD, "reindex"], env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert service.client.model(model_id)["id"] == model_id
