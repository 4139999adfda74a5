"""Measures the import of a dataset: CPU and wall time, peak memory, and the share of each stage.

    python -m benchmarks.speed.dataset_import cifar10.zip

One process imports one zip, since the peak memory is that of the process.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from model.data import importing
from model.storage.local import LocalStorage

STAGES = {
    "examine_images": "decode and hash the images, make thumbnails",
    "find_near_duplicates": "find near duplicates",
    "place_images": "choose classes and splits",
    "describe_dataset": "describe the dataset (mirror test, content hash)",
    "store_index": "write the report, the index and the thumbnails",
    "store_dataset": "write the images",
}
"""The functions of `model/data/importing.py` that are measured; none calls another one."""


def main() -> None:
    """Import the zip of the command line into a temporary storage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zip", type=Path)
    source: Path = parser.parse_args().zip
    cpu_s = dict.fromkeys(STAGES, 0.0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in STAGES:
            measured = partial(_measure, cpu_s, name, getattr(importing, name))
            stack.enter_context(patch.object(importing, name, measured))
        begin, begin_cpu = time.perf_counter(), time.process_time()
        record = importing.import_dataset(source, LocalStorage(folder), "benchmark")
        wall_s, total_s = time.perf_counter() - begin, time.process_time() - begin_cpu
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{source.name}: {record.images} images as {record.facts.id}")
    print(f"{total_s:.1f} s of CPU, {wall_s:.1f} s of wall time, peak memory {peak_mib} MiB")
    for name, meaning in STAGES.items():
        print(f"  {cpu_s[name] / total_s:5.1%} {cpu_s[name]:6.2f} s  {meaning}")
    rest_s = total_s - sum(cpu_s.values())
    print(f"  {rest_s / total_s:5.1%} {rest_s:6.2f} s  the rest")


def _measure(
    cpu_s: dict[str, float], name: str, function: Callable[..., Any], *args: Any, **options: Any
) -> Any:
    """Call a stage and add the CPU time of all threads."""
    begin = time.process_time()
    try:
        return function(*args, **options)
    finally:
        cpu_s[name] += time.process_time() - begin


if __name__ == "__main__":
    main()
