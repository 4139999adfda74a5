import subprocess
import sys
from pathlib import Path


def test_the_command_exports_images_or_prints_an_error(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "model",
        "export-images",
        "--out",
        str(tmp_path),
        "--count",
        "2",
        "--dataset",
    ]
    done = subprocess.run([*command, "digits"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{tmp_path}/0_0.png", f"{tmp_path}/1_0.png"]
    failed = subprocess.run([*command, "ds_nothing"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "There is no dataset 'ds_nothing'" in failed.stderr
