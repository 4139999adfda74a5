import json
import subprocess
import sys
from pathlib import Path

from model.storage.opening import open_storage
from tests.model.pictures import png, write_zip
from tests.model.tiny_training import import_colours


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model", "import-dataset", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_the_command_takes_the_table_of_the_classes(tmp_path: Path) -> None:
    table = "\n".join(["id,a,b", *(f"{n},x,{n % 2}" for n in range(12))]).encode()
    path = write_zip(tmp_path / "set.zip", {f"{n}.png": png(n) for n in range(12)} | {"list.csv": table})
    options: list[str | Path] = [
        "--source",
        path,
        "--storage",
        (tmp_path / "storage").as_uri(),
        "--name",
        "pets",
    ]
    options += ["--labels", "list.csv", "--label-column", "b"]
    assert json.loads(run(*options).stdout)["dataset"]["facts"]["classes"] == ["0", "1"]
    wrong = run(*options, "--min-images", "0")
    assert "min_images" in json.loads(wrong.stdout)["error"]["message"]


def test_the_command_prints_one_line_of_json(tmp_path: Path) -> None:
    colours, storage = tmp_path / "images", (tmp_path / "storage").as_uri()
    import_colours(colours, open_storage((tmp_path / "first").as_uri()))
    ended = run("--source", colours, "--storage", storage, "--name", "colours")
    assert json.loads(ended.stdout)["dataset"]["facts"]["classes"] == ["blue", "green", "red"]
    (tmp_path / "empty").mkdir()
    refused = run("--source", tmp_path / "empty", "--storage", storage, "--name", "none")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["code"] == "dataset_rejected"
