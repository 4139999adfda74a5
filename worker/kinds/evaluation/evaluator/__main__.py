"""Evaluates one model on one dataset. Knows no Redis."""

import argparse
import faulthandler
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from model.data.prepared.cache import CacheLimits
from model.errors import ModelError
from model.host.cpus import limit_openmp_spinning
from model.host.failpoints import Failpoint, reach
from model.host.parent import end_with_parent
from model.storage.opening import open_storage
from worker.attempt.messages import PROGRESS_EVERY_S, Failed, Line, PhaseBegun, write_line
from worker.attempt.out_of_memory import mentions_out_of_memory
from worker.errors import ModelNotFoundError
from worker.kinds.evaluation.messages import Evaluated, ImagesPredicted
from worker.queue.records import EvaluatedSplit, EvaluationProgress
from worker.queue.states import Outcome, Phase


class ProgressSender:
    """Sends the number of predicted images, at most once a second."""

    def __init__(self, send: Callable[[Line], None]) -> None:
        self._send = send
        self._sent_at = 0.0

    def __call__(self, images: int, total: int) -> None:
        """Report that `images` of `total` images are predicted."""
        if images == total or time.monotonic() - self._sent_at >= PROGRESS_EVERY_S:
            self._sent_at = time.monotonic()
            progress = EvaluationProgress(images=images, total=total, fraction=images / total)
            self._send(ImagesPredicted(progress=progress))
            reach(Failpoint.EVALUATION_PREDICTED)


def main() -> None:
    """Evaluate one model."""
    arguments = _parse_arguments()
    end_with_parent(arguments.parent)
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    limit_openmp_spinning()
    with os.fdopen(arguments.fd, "wb", buffering=0) as pipe:

        def send(message: Line) -> None:
            pipe.write(write_line(message))

        send(PhaseBegun(phase=Phase.PREPARING_DATA))
        send(_evaluate(arguments, send))
    sys.stdout.flush()
    os._exit(0)  # the thread that reads stdin, and torch's threads, would be waited for


def _evaluate(arguments: argparse.Namespace, send: Callable[[Line], None]) -> Line:
    """Evaluate the model; every exception becomes a final message."""
    # Importing torch takes seconds. By then the process must already end when its parent does.
    from worker.kinds.evaluation.evaluator.evaluating import Request, evaluate_model  # noqa: PLC0415 - see above

    request = Request(
        evaluation_id=arguments.evaluation,
        model_id=arguments.model,
        dataset=arguments.dataset,
        split=arguments.split,
        cache_dir=arguments.cache_dir,
        cache_limits=CacheLimits(arguments.cache_bytes, arguments.cache_days),
        threads=arguments.threads,
    )
    try:
        result = evaluate_model(
            request,
            open_storage(arguments.storage),
            lambda: send(PhaseBegun(phase=Phase.EVALUATING)),
            ProgressSender(send),
        )
    except (ModelError, ModelNotFoundError) as error:
        return Failed(code=error.code, message=str(error))
    except Exception as error:  # noqa: BLE001 - the boundary of an attempt
        traceback.print_exc(file=sys.stderr)
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, MemoryError) or mentions_out_of_memory([text]):
            return Failed(
                code=Outcome.OUT_OF_MEMORY, message=f"The evaluation ran out of memory ({text[:200]})."
            )
        return Failed(
            code="internal_error",
            message=f"The evaluation failed ({text[:200]}): this is the service's fault, and the worker's log says more.",
        )
    return Evaluated(result=result)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worker.kinds.evaluation.evaluator")
    parser.add_argument("--storage", required=True, help="URL of the storage of the project")
    parser.add_argument("--cache-dir", type=Path, required=True, help="keeps prepared images")
    parser.add_argument("--cache-bytes", type=int, required=True, help="most bytes of prepared images")
    parser.add_argument("--cache-days", type=float, required=True, help="days that they are kept unused")
    parser.add_argument("--evaluation", required=True, help="id of the evaluation")
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--dataset", required=True, help="id or built-in name of the dataset")
    parser.add_argument("--split", type=EvaluatedSplit, required=True, help="test, train or all")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    parser.add_argument("--fd", type=int, required=True, help="file descriptor for messages")
    parser.add_argument("--parent", type=int, required=True, help="process id of the worker")
    return parser.parse_args()


if __name__ == "__main__":
    main()
