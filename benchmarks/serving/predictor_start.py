"""Prints how long the predictor takes from its start to its first answer, and how much memory it holds with one model.

python -m benchmarks.serving.predictor_start [--image-size 32] [--starts 5]
"""

import argparse
import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.predictor.client import PredictorClient
from api.predictor.errors import PredictorUnavailableError
from api.predictor.supervision import PredictorOptions
from benchmarks.serving.model import published_model
from benchmarks.serving.processes import cpu_ms, resident_mib
from benchmarks.serving.servers import PublishedModel
from model.artifact.precision import PrecisionSetting
from tests.api.pictures import encoded, picture

_REQUESTS = 300
_AT_ONCE = 32
_START_S = 120


def main() -> None:
    """Print one line for each precision."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving.predictor_start",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    image = encoded(picture(size=(options.image_size, options.image_size)))
    with tempfile.TemporaryDirectory() as folder:
        model = published_model(Path(folder, "storage"), options.image_size)
        for precision, name in zip(PrecisionSetting, ("int8", "float32"), strict=True):
            runs = [asyncio.run(_run(model, precision, image)) for _ in range(options.starts)]
            start_s, cpu_s, first_mib, later_mib = (
                statistics.median(column) for column in zip(*runs, strict=True)
            )
            print(
                f"{name}: first answer after {start_s:.2f} s (CPU time {cpu_s:.2f} s); memory {first_mib:.0f} MiB, "
                f"after {_REQUESTS} requests {later_mib:.0f} MiB",
                flush=True,
            )


async def _run(
    model: PublishedModel, precision: PrecisionSetting, image: bytes
) -> tuple[float, float, float, float]:
    """Return the seconds and the CPU seconds to the first answer, and the memory then and after some load."""
    with tempfile.TemporaryDirectory(prefix="nf-") as folder:
        options = PredictorOptions(
            Path(folder, "predictor.sock"), model.folder.as_uri(), device="cpu", precision=precision
        )
        started_s = time.monotonic()
        with _running(options) as pid:
            client = PredictorClient(options.socket_path)
            async with asyncio.timeout(_START_S):
                await _first_answer(client, model.manifest.id, image)
            to_answer_s, cpu_s, first_mib = (
                time.monotonic() - started_s,
                cpu_ms([pid]) / 1000,
                resident_mib(pid),
            )
            for _ in range(_REQUESTS // _AT_ONCE):
                requests = (client.predict(model.manifest.id, [image], top_k=5) for _ in range(_AT_ONCE))
                await asyncio.gather(*requests)
            later_mib = resident_mib(pid)
            await client.close()
    return to_answer_s, cpu_s, first_mib, later_mib


@contextmanager
def _running(options: PredictorOptions) -> Iterator[int]:
    # The predictor ends when its standard input does.
    with subprocess.Popen(options.command(), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


async def _first_answer(client: PredictorClient, model_id: str, image: bytes) -> None:
    while True:
        try:
            await client.predict(model_id, [image], top_k=5)
        except PredictorUnavailableError:
            await asyncio.sleep(0.01)
        else:
            return


if __name__ == "__main__":
    main()
