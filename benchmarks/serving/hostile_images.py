"""Prints what hostile image files take: in a thread of this process, which cannot be ended, and in a decoding child.

python -m benchmarks.serving.hostile_images [--mutants 2000] [--give-up-s 30]
"""

import argparse
import asyncio
import io
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from api.predictor.decoding.children import DecodingChildren
from api.predictor.decoding.preparation import LargeImage, prepare_file
from model.artifact.manifest import Preprocessing
from model.errors import ImageError
from model.spec import Resize
from tests.model import hostile_images as make

_PREPROCESSING = Preprocessing(image_size=32, resize=Resize.CROP, mean=(0, 0, 0), std=(1, 1, 1))
_FILES: dict[str, Callable[[], bytes]] = {
    "JPEG of many scans, 64 MP, 1 MB": lambda: make.jpeg_of_many_scans(8_000, 1_000_000),
    "JPEG of many scans, 0.5 MP, 64 kB": lambda: make.jpeg_of_many_scans(720, 64_000),
    "JPEG, a scan a colour, 64 MP": lambda: make.jpeg_of_a_scan_per_colour(8_000),
    "JPEG of many EXIF parts, 20 MB": lambda: make.jpeg_of_many_exif_parts(19_900_000),
    "JPEG of many EXIF parts, 64 kB": lambda: make.jpeg_of_many_exif_parts(64_000),
    "PNG of many chunks, 20 MB": lambda: make.png_of_many_chunks(19_900_000),
    "PNG of zeros, 64 MP, RGBA, 16 bits": lambda: make.png_of_zeros(8_000, channels=4, depth=16),
    "PNG of zeros, 64 MP, grey": lambda: make.png_of_zeros(8_000, channels=1, depth=8),
    "GIF of many comments, 20 MB": lambda: make.gif_of_many_comments(19_900_000),
    "BMP of short runs, 9.6 MP": lambda: make.bmp_of_short_runs(3_100),
    "WebP of one colour, 64 MP": lambda: make.webp_of_one_colour(8_000),
}


def main() -> None:
    """Print one line for each file, and one for each format of which damaged files are decoded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=2_000, help="damaged files of each format")
    parser.add_argument("--give-up-s", type=float, default=30.0)
    parser.add_argument("--file", type=Path, help="decode this file in this process, and print what it takes")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.file:
        print(_alone(options.file.read_bytes()))
        return
    print(f"{'file':38}{'bytes':>12}  in a thread{'':25}in a child")
    with tempfile.TemporaryDirectory() as folder:
        for name, contents in _FILES.items():
            path = Path(folder, "image")
            path.write_bytes(contents())
            print(
                f"{name:38}{path.stat().st_size:>12}  {_in_thread(path, options.give_up_s):36}{_in_child(path.read_bytes())}",
                flush=True,
            )
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        print(_decode_mutants(kind, options.mutants), flush=True)


def _in_thread(path: Path, give_up_s: float) -> str:
    command = [sys.executable, "-m", "benchmarks.serving.hostile_images", "--file", str(path)]
    try:
        return subprocess.run(
            command, timeout=give_up_s, check=True, capture_output=True, text=True
        ).stdout.strip()
    except subprocess.TimeoutExpired:
        return f"not done after {give_up_s:g} s"


def _alone(data: bytes) -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = _outcome(data)
    used_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    return f"{time.process_time():.2f} s {used_mib} MiB {outcome}"


def _in_child(data: bytes) -> str:
    async def run() -> str:
        children = DecodingChildren(1)
        started = time.monotonic()
        try:
            await children.prepare(LargeImage(data, _PREPROCESSING))
            outcome = "decoded"
        except ImageError as error:
            outcome = error.code
        finally:
            children.close()
        return f"{time.monotonic() - started:.2f} s {outcome}"

    return asyncio.run(run())


def _outcome(data: bytes) -> str:
    try:
        prepare_file(data, _PREPROCESSING, lambda _: None)
    except ImageError as error:
        return error.code
    return "decoded"


def _decode_mutants(kind: str, count: int) -> str:
    """Decode files with some bytes changed, cut or doubled; any other exception than ImageError ends the program."""
    draw = random.Random(kind)  # noqa: S311 - no secret
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    outcomes: Counter[str] = Counter()
    slowest_s = 0.0
    for _ in range(count):
        started = time.process_time()
        outcomes[_outcome(make.mutated(file.getvalue(), draw))] += 1
        slowest_s = max(slowest_s, time.process_time() - started)
    return f"{count} damaged {kind}: {dict(outcomes)}, slowest {1000 * slowest_s:.0f} ms"


if __name__ == "__main__":
    main()
