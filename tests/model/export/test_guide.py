"""The example of docs/models.md classifies an image with the files of a model, without this project."""

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact.manifest import MANIFEST_FILE, unregistered_manifest
from model.artifact.onnx_classifier import OnnxClassifier
from model.artifact.staging import stage_model
from model.data.images import decode_image, resize_image
from model.export.facts import ONNX_FILE
from tests.model.tiny_training import TinyTraining

GUIDE = Path(__file__).parents[3] / "docs" / "models.md"


def test_the_example_of_the_guide_gives_the_scores_of_the_service(
    tiny_training: TinyTraining, tmp_path: Path
) -> None:
    storage = tiny_training.storage
    draft = stage_model(tiny_training.train(epochs=1), storage, "mdl_guide")
    manifest = unregistered_manifest(draft, "mdl_guide", "colours")
    (tmp_path / MANIFEST_FILE).write_text(manifest.model_dump_json())
    (tmp_path / ONNX_FILE).write_bytes(storage.read_bytes(f"models/mdl_guide/{ONNX_FILE}"))
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    (tmp_path / "image.jpg").write_bytes(file.getvalue())
    [example] = [
        code for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "onnx" in code
    ]
    (tmp_path / "predict.py").write_text(example)
    done = subprocess.run(
        [sys.executable, "predict.py", "image.jpg"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    preprocessing = manifest.preprocessing
    image = decode_image(file.getvalue(), image_size=preprocessing.image_size)
    resized = resize_image(image, preprocessing.image_size, preprocessing.resize)
    [scores] = OnnxClassifier.load(storage, manifest, 1, may_use_int8=False).classify(resized[None])
    best = scores.argsort()[::-1]
    assert done.stdout.splitlines() == [f"{manifest.classes[k]}: {scores[k]:.4f}" for k in best]
