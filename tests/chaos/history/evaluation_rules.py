"""The rules for evaluations and their files. Each yields its violations."""

from collections.abc import Callable, Iterator

from tests.chaos.history.run_history import RunHistory
from worker.queue.states import TERMINAL, Status


def an_evaluation_has_the_files_that_it_names(run: RunHistory) -> Iterator[str]:
    """One that succeeded has them in storage, unchanged; one that ended otherwise has left nothing."""
    for run_id, evaluation in run.evaluations.items():
        if evaluation["status"] not in TERMINAL:
            continue
        result = evaluation["result"] or {"files": {}}
        named = {file: facts["sha256"] for file, facts in result["files"].items()}
        if (stored := run.finals[run_id]["files"]) != named:
            yield f"{run_id} is {evaluation['status']} and names the files {named}; storage holds {stored}"


def only_success_has_a_result(run: RunHistory) -> Iterator[str]:
    for run_id, evaluation in run.evaluations.items():
        if (evaluation["result"] is not None) != (evaluation["status"] == Status.SUCCEEDED):
            yield f"{run_id} is {evaluation['status']} with the result {evaluation['result']}"


EVALUATION_RULES: tuple[Callable[[RunHistory], Iterator[str]], ...] = (
    an_evaluation_has_the_files_that_it_names,
    only_success_has_a_result,
)
