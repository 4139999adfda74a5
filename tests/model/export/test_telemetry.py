import os
import subprocess
import sys
from pathlib import Path


def test_the_engine_reports_nothing_to_its_maker(tmp_path: Path) -> None:
    """The library writes the file of its session when it is about to report."""
    code = "import os, model.export.engine; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    folders = {name: str(tmp_path) for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    environment = {**os.environ, **folders, "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
    assert list(tmp_path.rglob("*")) == []
