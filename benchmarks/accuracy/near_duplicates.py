"""Counts near duplicates in zips of class folders, and how many planted ones are found.

    python -m benchmarks.accuracy.near_duplicates cifar10.zip flowers.zip

Groups with several classes estimate the share of false ones: two copies of an image rarely have two labels.
"""

import argparse
import hashlib
import io
import time
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from model.data.duplicates.grouping import find_near_duplicates
from model.data.files.file_endings import is_image_name
from model.data.images import inspect_image
from model.data.sources.digits import read_digits
from tests.model.photos import TWINS

PLANTED = 300


def main() -> None:
    """Measure the zips of the command line and the built-in digits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zips", nargs="+", type=Path)
    for path in parser.parse_args().zips:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if is_image_name(name)]
            _measure(path.stem, [(name.split("/")[-2], archive.read(name)) for name in names])
    digits = read_digits()
    images = zip(digits.labels_N.tolist(), digits.images_NHWC, strict=True)
    _measure("digits", [(str(label), _encode(Image.fromarray(image), "PNG")) for label, image in images])


def _measure(name: str, files: list[tuple[str, bytes]]) -> None:
    labels = {hashlib.sha256(data).hexdigest(): label for label, data in files}
    miniatures = {hashlib.sha256(data).hexdigest(): inspect_image(data).miniature for _, data in files}
    begin, begin_cpu = time.perf_counter(), time.process_time()
    found = find_near_duplicates(miniatures.items())
    wall_s, cpu_s = time.perf_counter() - begin, time.process_time() - begin_cpu
    classes: dict[str, set[str]] = {}
    for digest, group in found.groups.items():
        classes.setdefault(group, set()).add(labels[digest])
    mixed = sum(len(one) > 1 for one in classes.values())
    largest = max(Counter(found.groups.values()).values(), default=0)
    print(
        f"{name}: {len(miniatures)} different images in {wall_s:.1f} s ({cpu_s:.1f} s of CPU): {len(found.groups)} in "
        f"{len(classes)} groups, {mixed} of several classes; the largest has {largest}"
    )
    for kind, (is_found, planted) in _recall([data for _, data in files], miniatures).items():
        print(f"  {kind:9} {is_found / planted:6.1%} of {planted} planted twins are found")


def _recall(files: list[bytes], miniatures: dict[str, bytes]) -> dict[str, tuple[int, int]]:
    """Return how many of the planted twins are in the group of their image, and how many there are, by kind."""
    chosen = np.random.default_rng(0).permutation(len(files))[:PLANTED]
    result = {}
    for kind, make in TWINS.items():
        planted, twins = dict(miniatures), {}
        for index in chosen.tolist():
            with Image.open(io.BytesIO(files[index])) as image:
                data = _encode(make(image.convert("RGB")), "JPEG")
            twin = hashlib.sha256(data).hexdigest()
            planted[twin] = inspect_image(data).miniature
            twins[twin] = hashlib.sha256(files[index]).hexdigest()
        found = find_near_duplicates(planted.items())
        both = sum(
            twin in found.groups and found.groups[twin] == found.groups.get(original)
            for twin, original in twins.items()
        )
        result[kind] = (both, len(twins))
    return result


def _encode(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, quality=90)
    return file.getvalue()


if __name__ == "__main__":
    main()
