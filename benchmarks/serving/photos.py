"""Prints the latency of `POST /predict` for a single client, by the size of its photo, beside the time of the network.

    python -m benchmarks.serving.photos [--image-size 32] [--rounds 3] [--seconds 3]

The photos are JPEGs of smooth colours with grain, about as large as a camera's. The load comes from wrk.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.serving.model import published_model
from benchmarks.serving.servers import PublishedModel, ninefold_servers
from benchmarks.serving.wrk import Load, post_with_wrk
from model.artifact.onnx_classifier import OnnxClassifier
from model.host.cpus import cpu_quota
from model.storage.opening import open_storage
from tests.api.pictures import encoded, picture

_PHOTOS = {"0.3 MP JPEG": (640, 480), "1 MP JPEG": (1152, 864), "12 MP JPEG": (4000, 3000)}
_GRAIN = 4
"""Standard deviation of the grain, of 255."""
_FORWARDS = 50


def main() -> None:
    """Print one line for each file."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        model = published_model(Path(folder, "storage"), options.image_size)
        files = _write_files(Path(folder), options.image_size)
        loads: dict[str, list[Load]] = {name: [] for name in files}
        forwards_ms: list[float] = []
        with ninefold_servers(model)[0].running() as url:
            for _ in range(options.rounds):
                forwards_ms.append(_forward_ms(model))
                for name, file in files.items():
                    loads[name].append(post_with_wrk(url, file, None, 1, options.seconds))
            decoding = {name: _decode_ms(url, file.read_bytes()) for name, file in files.items()}
        forward_ms = statistics.median(forwards_ms)
        print(f"the network in-process, one image: {forward_ms:.1f} ms")
        for name, file in files.items():
            p50_ms = statistics.median(load.p50_ms for load in loads[name])
            print(
                f"{name:12}{file.stat().st_size:>10} bytes: p50 {p50_ms:6.1f} ms, of it decoding {decoding[name]:6.1f} ms; "
                f"network + {p50_ms - forward_ms:.1f} ms; errors {sum(load.errors for load in loads[name])}"
            )


def _write_files(folder: Path, image_size: int) -> dict[str, Path]:
    contents = {f"{image_size} px PNG": encoded(picture(size=(image_size, image_size)))}
    contents |= {name: encoded(_photo(*size), "JPEG", quality=85) for name, size in _PHOTOS.items()}
    files = {name: folder / name.replace(" ", "-") for name in contents}
    for name, file in files.items():
        file.write_bytes(contents[name])
    return files


def _photo(width: int, height: int) -> Image.Image:
    draw = np.random.default_rng(0)
    smooth = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((width, height))
    grain = draw.normal(0, _GRAIN, (height, width, 1))
    return Image.fromarray((np.asarray(smooth) + grain).clip(0, 255).astype(np.uint8))


def _forward_ms(model: PublishedModel) -> float:
    classifier = OnnxClassifier.load(open_storage(model.folder.as_uri()), model.manifest, cpu_quota())
    size = model.manifest.preprocessing.image_size
    image_NHWC = np.zeros((1, size, size, 3), np.uint8)
    durations_ms = []
    for _ in range(_FORWARDS):
        started_s = time.perf_counter()
        classifier.classify(image_NHWC)
        durations_ms.append(1000 * (time.perf_counter() - started_s))
    return statistics.median(durations_ms)


def _decode_ms(url: str, image: bytes) -> float:
    with httpx.Client(trust_env=False) as client:
        answers = [client.post(url, content=image).json() for _ in range(10)]
    decoding_ms: list[float] = [answer["timings_ms"]["decode"] for answer in answers]
    return statistics.median(decoding_ms)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving.photos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="duration of each measurement")
    return parser.parse_args()


if __name__ == "__main__":
    main()
