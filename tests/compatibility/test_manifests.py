"""The previous release reads the manifest of a model that a worker of this release publishes."""

import json
import subprocess
import sys

from model.artifact.manifest import Manifest
from model.export.facts import Float32Facts, OnnxFacts
from tests.compatibility.deployment import Release
from tests.worker.samples import draft

READ = (
    "import sys; from model.artifact.manifest import Manifest; Manifest.model_validate_json(sys.stdin.read())"
)


def test_the_previous_release_reads_a_manifest_with_onnx_files(old: Release) -> None:
    facts = OnnxFacts(opset=20, fp32=Float32Facts(max_difference=0, images=1), int8=None)
    manifest = Manifest.model_validate(draft() | {"version": 1, "onnx": facts})
    stored = manifest.stored()
    assert Manifest.model_validate(stored) == manifest
    command = [sys.executable, "-c", READ]
    read = subprocess.run(
        command,
        input=json.dumps(stored),
        cwd=old.folder,
        env=old.environment(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
