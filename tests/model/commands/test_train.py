import hashlib
import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from model.__main__ import main
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, Manifest
from model.host.allocator import allocator_settings
from model.host.installation import installed_version
from model.recipes.resolved_recipe import resolve_recipe
from model.storage.opening import open_storage
from tests.model.tiny_training import import_colours

pytestmark = pytest.mark.usefixtures("narrow_network")


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("colours")
    import_colours(folder / "images", open_storage((folder / "storage").as_uri()))
    return folder / "images"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which has imported torch."""
    command = ["model", *map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.setattr(sys, "argv", command)
        for name, value in allocator_settings().items():
            patch.setenv(name, value)  # else the command would restart this process with them
        try:
            status = main()
        except SystemExit as error:  # of argparse
            status = int(error.code or 0)
    return subprocess.CompletedProcess(command, status, output.getvalue(), errors.getvalue())


def options(colours: Path, out: Path) -> list[str]:
    quick = "--recipe classic --epochs 2 --image-size 16 --batch-size 24 --threads 1"
    folders = ["--data", str(colours), "--out", str(out), "--cache-dir", str(out.parent / "cache")]
    return ["train", *folders, *quick.split()]


def train(colours: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return run(*options(colours, out), *more)


def test_json_output_has_an_object_per_epoch_and_one_with_the_scores(colours: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "model", *options(colours, tmp_path / "out"), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert ended.returncode == 0, ended.stderr
    *rows, scores = map(json.loads, ended.stdout.splitlines())
    assert [row["epoch"] for row in rows] == [1, 2]
    assert 0 <= scores["test_accuracy"] <= 1
    assert "warning: " in ended.stderr
    manifest = Manifest.model_validate_json((tmp_path / "out" / MANIFEST_FILE).read_text())
    weights = (tmp_path / "out" / WEIGHTS_FILE).read_bytes()
    assert manifest.files[WEIGHTS_FILE].sha256 == hashlib.sha256(weights).hexdigest()
    assert manifest.metrics.test_accuracy == scores["test_accuracy"]
    assert manifest.lineage["recipe"] == resolve_recipe(manifest.spec).model_dump(mode="json")


def test_output_that_is_no_terminal_has_plain_lines(colours: Path, tmp_path: Path) -> None:
    ended = train(colours, tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert "epoch 2" in ended.stdout
    assert "test accuracy" in ended.stdout.splitlines()[-1]


def test_an_option_out_of_range_is_named(colours: Path, tmp_path: Path) -> None:
    ended = train(colours, tmp_path / "out", "--epochs", "0")
    assert ended.returncode == 2
    assert "--epochs 0" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_files_that_are_not_used_are_named(colours: Path, tmp_path: Path) -> None:
    images = shutil.copytree(colours, tmp_path / "images")
    (images / "train" / "red" / "broken.png").write_bytes(b"no image")
    ended = train(images, tmp_path / "out", "--epochs", "1")
    assert ended.returncode == 0, ended.stderr
    assert "skipped train/red/broken.png: " in ended.stderr


def test_a_model_is_replaced_only_on_request(colours: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "out" / MANIFEST_FILE
    manifest.parent.mkdir()
    manifest.write_text("precious")
    ended = train(colours, tmp_path / "out")
    assert ended.returncode == 1
    assert f"{manifest} exists" in ended.stderr
    assert "--force" in ended.stderr
    assert manifest.read_text() == "precious"
    ended = train(colours, tmp_path / "out", "--force", "--epochs", "1")
    assert ended.returncode == 0, ended.stderr
    assert Manifest.model_validate_json(manifest.read_text())


def test_a_folder_that_cannot_be_written_is_refused_before_the_training(
    colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ended = train(colours, tmp_path / "file")
    assert ended.returncode == 1
    assert "cannot be written (File exists): choose another folder with --out" in ended.stderr
    assert "epoch" not in ended.stdout


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cpu,cpu,cpu", "too small for 3 devices, which need 2 images each"),
        ("cpu,cuda:0", "Correct device: 'cpu,cuda:0' are not devices that train together"),
        ("gpu", "There is no device 'gpu'"),
    ],
)
def test_devices_that_cannot_train_the_spec_are_refused_without_a_traceback(
    device: str, message: str, colours: Path, tmp_path: Path
) -> None:
    ended = train(colours, tmp_path / "out", "--device", device, "--batch-size", "4")
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_version_is_printed() -> None:
    assert run("--version").stdout == f"ninefold {installed_version()}\n"


def test_an_unknown_dataset_is_reported(tmp_path: Path) -> None:
    ended = run("train", "--dataset", "nothing", "--out", tmp_path / "out", "--cache-dir", tmp_path)
    assert ended.returncode == 1
    assert "dataset_unavailable" in ended.stderr
