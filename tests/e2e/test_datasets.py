"""Adding datasets while parts of the service are killed or stand still, and jobs that wait for a dataset."""

import re
import shutil
import signal
import subprocess
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import ninefold.client.datasets.imports
import ninefold.client.datasets.part_upload
from ninefold import NinefoldError
from ninefold.cli.app import app
from ninefold.client.datasets.upload_progress import DatasetProgress
from tests.e2e.service import NINEFOLD, Service
from tests.model.pictures import png
from tests.ninefold.processes import eventually

pytestmark = pytest.mark.timeout(240)


def own_folder(tiny_folder: Path, tmp_path: Path, name: str, *removed: str) -> Path:
    """The tiny folder under another name, without some images, so that it is another dataset."""
    folder = shutil.copytree(tiny_folder, tmp_path / name)
    for image in removed:
        (folder / image).unlink()
    return folder


def run(service: Service, *arguments: str) -> Result:
    """Run a command in this process; tests/e2e/test_commands.py starts a process for each, as a user does."""
    return CliRunner().invoke(app, [*arguments, "--url", service.url])


@pytest.mark.parametrize(("when", "removed"), [("uploading", "0/0.png"), ("importing", "1/0.png")])
def test_adding_survives_a_kill_of_the_api(
    service: Service, tiny_folder: Path, tmp_path: Path, when: str, removed: str
) -> None:
    folder = own_folder(tiny_folder, tmp_path, f"killed-{when}", removed)
    phases = ("uploading",) if when == "uploading" else ("starting", "reading", "storing")
    killed: list[int] = []

    def kill_once(progress: DatasetProgress) -> None:
        if progress.phase in phases and not killed:
            killed.extend(service.kill_role("api"))

    dataset = service.client.add_dataset(folder, folder.name, kill_once)
    assert killed
    assert dataset["status"] == "ready"
    assert dataset["images"] == 63
    assert service.client.dataset(folder.name)["id"] == dataset["id"]


def test_an_upload_in_parts_goes_on_after_a_kill_of_the_api(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part_bytes = 100_000
    for module in (ninefold.client.datasets.imports, ninefold.client.datasets.part_upload):
        monkeypatch.setattr(module, "PART_BYTES", part_bytes)
    for number in range(16):
        (tmp_path / "noise" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        picture = Image.effect_noise((256, 256), 80 + number)
        picture.save(tmp_path / "noise" / str(number % 2) / f"{number}.png")
    sent: list[int] = []
    killed: list[int] = []

    def kill_in_the_middle(progress: DatasetProgress) -> None:
        if progress.phase == "uploading":
            sent.append(progress.done)
            if progress.fraction > 0.5 and not killed:
                killed.extend(service.kill_role("api"))

    dataset = service.client.add_dataset(tmp_path / "noise", "noise", kill_in_the_middle)
    assert killed
    assert (dataset["status"], dataset["images"]) == ("ready", 16)
    lost = max(before - after for before, after in pairwise(sent))
    assert lost <= part_bytes
    assert sent.count(0) == 1


def test_a_rejected_dataset_raises_its_code_and_is_listed_with_the_reason(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "notes.txt").write_text("no image")
    with pytest.raises(NinefoldError, match="classes are needed") as caught:
        service.client.add_dataset(tmp_path / "words", "words")
    assert caught.value.code == "dataset_rejected"
    assert re.search(r"words +imp_\w+  rejected: At least 2 classes", run(service, "datasets", "list").stdout)


def test_ctrl_c_detaches_from_an_import_and_a_job_waits_for_it(
    service: Service, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = own_folder(tiny_folder, tmp_path, "later", "2/0.png")
    with service.frozen_light_worker():
        command = [*NINEFOLD, "datasets", "add", str(folder), "--url", service.url]
        adding = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert adding.stderr
        lines = iter(adding.stderr.readline, "")
        assert any(line.startswith("waiting") for line in lines)
        adding.send_signal(signal.SIGINT)
        rest = adding.stderr.read()
        adding.stderr.close()
        assert adding.wait(60) == 130
        assert rest.strip() == "later is still being imported. Look with: ninefold datasets list"
        assert "processing: " in run(service, "datasets", "list").stdout

        job = service.client.submit("later", epochs=1)
        assert job["queued_reason"] == "waiting_for_dataset"
        assert job["spec"]["recipe"] is None
        watching = subprocess.Popen(
            [*NINEFOLD, "watch", job["id"], "--url", service.url], stdout=subprocess.PIPE, text=True
        )
        assert watching.stdout
        assert watching.stdout.readline() == "waiting for dataset\n"
    output = watching.stdout.read()
    watching.stdout.close()
    assert watching.wait(120) == 0
    assert "epoch 1/1" in output
    assert service.client.job(job["id"])["spec"]["recipe"]


def test_a_cancelled_import_ends_its_waiting_jobs(
    service: Service, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = own_folder(tiny_folder, tmp_path, "never", "3/0.png")
    with service.frozen_light_worker():
        command = [*NINEFOLD, "datasets", "add", str(folder), "--url", service.url]
        adding = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        eventually(lambda: "never" in run(service, "datasets", "list").stdout, 60, "the import is listed")
        job = service.client.submit("never", epochs=1)
        cancelled = run(service, "datasets", "cancel", "never")
        assert re.fullmatch(r"never  imp_\w+  cancelled\n", cancelled.stdout), cancelled.stderr
        _, errors = adding.communicate(timeout=60)
        assert adding.returncode == 1
        assert "The import was cancelled." in errors
    with pytest.raises(NinefoldError) as caught:
        service.client.wait(job["id"])
    assert caught.value.code == "dataset_rejected"
    import_id = cancelled.stdout.split()[1]
    again = run(service, "datasets", "cancel", import_id)
    assert again.stdout == cancelled.stdout, again.stderr
    deleted = run(service, "datasets", "delete", import_id)
    assert deleted.exit_code == 0, deleted.stderr
    assert import_id not in run(service, "datasets", "list").stdout


def test_an_import_is_cancelled_before_it_is_deleted(
    service: Service, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = own_folder(tiny_folder, tmp_path, "unwanted", "0/1.png")
    with service.frozen_light_worker():
        command = [*NINEFOLD, "datasets", "add", str(folder), "--url", service.url]
        adding = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        eventually(lambda: "unwanted" in run(service, "datasets", "list").stdout, 60, "it is listed")
        deleted = run(service, "datasets", "delete", "unwanted")
        assert deleted.exit_code == 0, deleted.stderr
        assert "unwanted" not in run(service, "datasets", "list").stdout
        adding.wait(60)


def test_a_correction_makes_a_version_and_a_job_may_use_the_first(
    service: Service, tiny_folder: Path, tmp_path: Path
) -> None:
    folder = own_folder(tiny_folder, tmp_path, "corrected", "0/2.png")
    first = service.client.add_dataset(folder, "corrected")
    archive = tmp_path / "first.zip"
    downloaded = run(service, "datasets", "download", "corrected", str(archive))
    assert downloaded.exit_code == 0, downloaded.stderr
    with zipfile.ZipFile(archive) as zipped:
        files = [name for name in zipped.namelist() if name.startswith("train/0/")]
    images = [f"img_{name.split('/')[2][:24]}" for name in files]
    table = tmp_path / "corrections.csv"
    table.write_text(f"image,class\n{images[0]},1\n{images[1]},\n")
    more = own_folder(tiny_folder, tmp_path, "more", "0/3.png")
    (more / "1" / "new.png").write_bytes(png(77))
    corrected = run(service, "datasets", "correct", "corrected", "--from", str(table), "--add", str(more))
    assert corrected.exit_code == 0, corrected.stderr
    assert corrected.stdout.startswith("corrected@2  ds_")
    assert service.client.dataset("corrected@1")["id"] == first["id"]
    listed = run(service, "datasets", "list").stdout
    assert re.search(r"corrected@1 +ds_", listed)
    assert re.search(r"corrected@2 +ds_", listed)
    assert [one["version"] for one in service.client.dataset_versions("corrected")] == [2, 1]
    assert service.client.dataset("corrected")["parent"] == first["id"]
    job = service.client.submit("corrected@1", epochs=1)
    assert job["spec"]["dataset"] == first["id"]
    refused = run(service, "datasets", "delete", "corrected@1")
    assert refused.exit_code == 1
    assert job["id"] in refused.stderr
    service.client.wait(job["id"])
    for ref in ("corrected@1", "corrected"):
        assert run(service, "datasets", "delete", ref).exit_code == 0
    assert "corrected" not in run(service, "datasets", "list").stdout
    unchanged = run(service, "datasets", "correct", "digits", "--remove", images[0])
    assert unchanged.exit_code == 1
    assert "Built-in datasets" in unchanged.stderr


def test_the_report_and_the_images_of_a_dataset(service: Service, tiny_folder: Path, tmp_path: Path) -> None:
    report = service.client.dataset_report("tiny")
    assert {one["name"]: one["train"] + one["test"] for one in report["classes"]} == dict.fromkeys("0123", 16)
    [image, *others] = service.client.dataset_images("tiny", class_="2", split="train")
    assert {one["class"] for one in others} == {"2"}
    original = service.client.dataset_image("tiny", image["id"])
    assert original == (tiny_folder / image["path"].removeprefix("tiny/")).read_bytes()
    assert service.client.dataset_image("tiny", image["id"], size="thumbnail").startswith(b"RIFF")
    shown = run(service, "datasets", "report", "tiny", "--skipped-csv", str(tmp_path / "skipped.csv"))
    assert report["findings"][0]["title"] in " ".join(shown.stdout.split())
    assert (tmp_path / "skipped.csv").read_bytes() == b"path,reason\r\n"
    saved = run(service, "datasets", "images", "tiny", "--class", "2", "--out", str(tmp_path / "out"))
    assert saved.exit_code == 0, saved.stderr
    expected = {path.read_bytes() for path in (tiny_folder / "2").iterdir()}
    assert {path.read_bytes() for path in (tmp_path / "out" / "2").iterdir()} == expected
