"""Evaluates one model on one dataset. Knows no Redis."""

import argparse
import time
from functools import partial

from model.host.cpus import limit_openmp_spinning
from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.messages import PROGRESS_EVERY_S, Line, PhaseBegun
from worker.kinds.cache_arguments import add_cache_arguments, cache_limits
from worker.kinds.child_program import Send, child_parser, run_child
from worker.kinds.evaluation.messages import Evaluated, ImagesPredicted
from worker.queue.records import EvaluatedSplit, EvaluationProgress
from worker.queue.states import Phase


class ProgressSender:
    """Sends the number of predicted images, at most once a second."""

    def __init__(self, send: Send) -> None:
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
    limit_openmp_spinning()
    run_child(arguments, "evaluation", Phase.PREPARING_DATA, partial(_evaluate, arguments))


def _evaluate(arguments: argparse.Namespace, send: Send) -> Line:
    # Importing torch takes seconds. By then the process must already end when its parent does.
    from worker.kinds.evaluation.evaluator.evaluating import Request, evaluate_model  # noqa: PLC0415 - see above

    request = Request(
        evaluation_id=arguments.evaluation,
        model_id=arguments.model,
        dataset=arguments.dataset,
        split=arguments.split,
        cache_dir=arguments.cache_dir,
        cache_limits=cache_limits(arguments),
        threads=arguments.threads,
    )
    result = evaluate_model(
        request,
        open_storage(arguments.storage),
        lambda: send(PhaseBegun(phase=Phase.EVALUATING)),
        ProgressSender(send),
    )
    return Evaluated(result=result)


def _parse_arguments() -> argparse.Namespace:
    parser = child_parser("worker.kinds.evaluation.evaluator")
    parser.add_argument("--storage", required=True, help="URL of the storage of the project")
    add_cache_arguments(parser)
    parser.add_argument("--evaluation", required=True, help="id of the evaluation")
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--dataset", required=True, help="id or built-in name of the dataset")
    parser.add_argument("--split", type=EvaluatedSplit, required=True, help="test, train or all")
    parser.add_argument("--threads", type=int, required=True, help="CPU threads")
    return parser.parse_args()


if __name__ == "__main__":
    main()
