"""`python -m api.predictor`: the process that owns the device, loads models, decodes and classifies images."""

import argparse
import asyncio
import logging
import signal
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from api.predictor.decoding.children import DecodingChildren
from api.predictor.protocol.messages import Pong, PredictorStatistics
from api.predictor.protocol.socket_path import check_socket_path
from api.predictor.serving.admission import Admission, AdmissionLimits
from api.predictor.serving.batcher import Batcher
from api.predictor.serving.classification import Decoders, RequestClassifier, ServedModel
from api.predictor.serving.explanation import Explanations
from api.predictor.serving.loader import ModelLoader
from api.predictor.serving.model_cache import ModelCache
from api.predictor.serving.socket_server import listen
from api.predictor.serving.speeds import QueueSpeeds
from model.artifact.precision import PrecisionSetting
from model.host.parent import end_with_parent

log = logging.getLogger(__name__)

_MAX_DECODING_THREADS = 8


def main() -> None:
    """Serve until SIGTERM, or until the parent process ends."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s predictor %(levelname)s %(message)s")
    warnings.filterwarnings("ignore", module="PIL")  # a line for each damaged field of a file
    check_socket_path(options.socket)
    if options.parent is not None:
        end_with_parent(options.parent)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        sys.exit(runner.run(_serve(options)))


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop, which takes less CPU time, where that is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on all platforms
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m api.predictor",
        description=__doc__,
        epilog="Example: ninefold predictor --socket /run/ninefold/predictor.sock --storage file:///var/lib/ninefold/storage",
    )
    parser.add_argument("--socket", type=Path, required=True, help="path of the Unix socket to serve")
    parser.add_argument(
        "--storage", required=True, help="URL of the storage that holds the models: file:///…"
    )
    parser.add_argument("--cache-bytes", type=int, default=1 << 30, help="memory for loaded models")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument(
        "--precision",
        type=PrecisionSetting,
        choices=list(PrecisionSetting),
        default=PrecisionSetting.AUTO,
        help="auto (8-bit integers on CPUs for models that are as good with them) or float32",
    )
    parser.add_argument(
        "--max-wait-s",
        type=float,
        default=AdmissionLimits.wait_s,
        help="requests that would most likely wait longer for others are refused",
    )
    parser.add_argument("--parent", type=int, help="id of a process; the predictor ends when it ends")
    return parser


async def _serve(options: argparse.Namespace) -> int:
    """Run the predictor; return the exit code."""
    exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _end, exit_code, 0)
    loader = ModelLoader(options.storage, options.device, options.precision)
    decoding_threads = min(loader.threads, _MAX_DECODING_THREADS)
    with (
        ThreadPoolExecutor(1, "inference") as inference,
        ThreadPoolExecutor(decoding_threads, "decode") as decoding,
        ThreadPoolExecutor(1, "explain") as explaining,
    ):
        batcher = Batcher(inference, on_failure=partial(_end_if_on_gpu, loader, exit_code))
        models: ModelCache[ServedModel] = ModelCache(loader.load, budget_bytes=options.cache_bytes)
        children = DecodingChildren(decoding_threads)
        decoders = Decoders(decoding, decoding_threads, children)
        admission = Admission(QueueSpeeds(), AdmissionLimits(wait_s=options.max_wait_s))
        classifier = RequestClassifier(models, batcher, admission, decoders, Explanations(explaining))

        def pong() -> Pong:
            statistics = PredictorStatistics(
                waiting_images=admission.images,
                expected_wait_s=admission.longest_wait_s,
                loaded_models=len(models.loaded),
                batches=batcher.batches,
                batched_images=batcher.batched_images,
                refused_requests=admission.refused,
                model_loads=models.loads,
            )
            return Pong(ready=loader.is_ready, idle=classifier.is_idle, statistics=statistics)

        server = await listen(options.socket, classifier, pong)
        tasks = [asyncio.create_task(batcher.run()), asyncio.create_task(loader.prepare())]
        for task in tasks:
            task.add_done_callback(partial(_end_if_failed, exit_code))
        code = await exit_code
        server.close()
        for task in tasks:
            task.cancel()
        children.close()
    return code


def _end_if_failed(exit_code: asyncio.Future[int], task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the predictor cannot continue", exc_info=error)
        _end(exit_code, 1)


def _end_if_on_gpu(loader: ModelLoader, exit_code: asyncio.Future[int]) -> None:
    """End after a fault of the GPU, which lasts as long as the process; on a CPU one model failed, and others work."""
    if loader.is_on_gpu:
        _end(exit_code, 1)


def _end(exit_code: asyncio.Future[int], code: int) -> None:
    if not exit_code.done():
        exit_code.set_result(code)


if __name__ == "__main__":
    main()
