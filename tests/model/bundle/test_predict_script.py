"""The script of a bundle gives the scores of the service, in a process that has neither this project nor torch."""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.artifact.manifest import FileFacts, Manifest
from model.bundle.derived import Sources, derived_files
from model.data.images import decode_image, resize_image
from model.export.engine import Engine
from model.export.facts import INT8_FILE, ONNX_FILE, Float32Facts, OnnxFacts
from model.export.graph import GraphBuilder
from model.export.quantization import quantize
from model.spec import Resize
from tests.api.pictures import unusual_files
from tests.model.bundle.test_card import INT8
from tests.model.manifests import draft, published
from tests.model.networks import as_arrays, network_with_statistics

SIZE = 24
LONE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ninefold", "api", "worker", "model", "torch", "onnx", "safetensors", "pydantic"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_script(folder: Path, files: list[str]) -> dict[str, dict[str, float]]:
    """Run predict.py of an unpacked bundle where ASCII is the encoding; returns the scores by image and class."""
    command = [sys.executable, "-I", "-X", "utf8=0", "-W", "error", "-c", LONE, "predict.py", *files]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", check=False, env={"LC_ALL": "C"}
    )
    assert done.returncode == 0, done.stderr
    scores: dict[str, dict[str, float]] = {file: {} for file in files}
    for line in done.stdout.splitlines():
        file, label, score = line.split("\t")
        scores[file][label] = float(score)
    return scores


def photos() -> dict[str, bytes]:
    """Image files of every kind that the service decodes, by name."""
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (90, 140, 3), dtype=np.uint8)).resize((700, 450))
    small = rgb.resize((70, 45))
    alpha = small.copy()
    alpha.putalpha(Image.fromarray(rng.integers(0, 256, (45, 70), dtype=np.uint8)))
    empty = small.copy()
    empty.putalpha(0)
    files = dict(unusual_files())
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274] = turn
        files[f"turned-{turn}.jpg"] = _encoded(small, "JPEG", exif=exif)
    exif = Image.Exif()
    exif[274] = 6
    palette = small.quantize(16)
    files |= {
        "large.jpg": _encoded(rgb, "JPEG"),
        "turned.png": _encoded(small, "PNG", exif=exif),
        "alpha.png": _encoded(alpha, "PNG"),
        "alpha.webp": _encoded(alpha, "WEBP", lossless=True),
        "alpha.bmp": _encoded(alpha, "BMP"),
        "no-alpha.bmp": _encoded(empty, "BMP"),
        "grey-alpha.png": _encoded(alpha.convert("LA"), "PNG"),
        "transparent-palette.png": _encoded(palette, "PNG", transparency=3),
        "transparent-palette.gif": _encoded(palette, "GIF", transparency=3),
        "transparent-colour.png": _encoded(small, "PNG", transparency=(1, 2, 3)),
        "exact.png": _encoded(small.resize((SIZE, SIZE)), "PNG"),
    }
    return files


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("resize", "is_int8", "bits"),
    [(Resize.SQUASH, True, 16), (Resize.CROP, False, 12), (Resize.PAD, False, 16)],
)
def test_the_script_gives_the_scores_of_the_service(
    narrow_network: None, tmp_path: Path, resize: Resize, is_int8: bool, bits: int
) -> None:
    network = as_arrays(network_with_statistics(), SIZE)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    graphs = {ONNX_FILE: GraphBuilder(network).build(), INT8_FILE: quantize(network, images_NHWC, 1)}
    manifest = _manifest(resize, is_int8=is_int8, bits=bits)
    for name, data in (graphs | derived_files(Sources(manifest, None, [])) | photos()).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest.stored()))

    found = run_script(tmp_path, list(photos()))
    engine = Engine(graphs[INT8_FILE if is_int8 else ONNX_FILE], 1)
    for name, data in photos().items():
        pixels = resize_image(decode_image(data, image_size=SIZE, sample_bits=bits), SIZE, resize)
        [expected] = engine.probabilities(pixels[None])
        scores = [found[name][label] for label in manifest.classes]
        assert scores == pytest.approx(expected.tolist(), abs=1e-4), name


def _manifest(resize: Resize, *, is_int8: bool, bits: int) -> Manifest:
    facts = FileFacts(sha256="0" * 64, size_bytes=1)
    proof = INT8.model_copy(update={"is_served": is_int8})
    plain = published("mdl_x", draft({ONNX_FILE: facts, INT8_FILE: facts}))
    given = {"image_size": SIZE, "resize": resize, "sample_bits": bits}
    return plain.model_copy(
        update={
            "classes": ["katze 猫", "=dog", "c"],
            "preprocessing": plain.preprocessing.model_copy(update=given),
            "onnx": OnnxFacts(opset=20, fp32=Float32Facts(max_difference=0, images=1), int8=proof),
        }
    )
