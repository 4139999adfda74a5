"""A worker's context in the test's own process, with child processes of the test's choice, and attempts that run on it."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from model.host import lease_clock
from model.host.failpoints import Failpoint, arm
from worker.attempt.drain import DrainSignal
from worker.attempt.spawner import Spawner
from worker.attempt.supervisor import AttemptResult, Supervisor
from worker.kinds.batch_prediction.classifier_command import CLASSIFIER_COMMAND, classifier_spawner
from worker.kinds.batch_prediction.context import PredictionContext
from worker.kinds.batch_prediction.supervisor import PredictionSupervisor
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.dataset_import.importer_command import IMPORTER_COMMAND, importer_spawner
from worker.kinds.dataset_import.supervisor import ImportSupervisor
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.evaluation.evaluator_command import EVALUATOR_COMMAND, evaluator_spawner
from worker.kinds.evaluation.supervisor import EvaluationSupervisor
from worker.kinds.model_import.context import ModelImportContext
from worker.kinds.model_import.importer_command import importer_spawner as model_importer_spawner
from worker.kinds.model_import.supervisor import ModelImportSupervisor
from worker.kinds.training.context import TrainingContext
from worker.kinds.training.supervisor import TrainingSupervisor
from worker.kinds.training.trainer_command import trainer_spawner
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.attempt_messages import (
    Claimed,
    ClaimedBatchPrediction,
    ClaimedEvaluation,
    ClaimedImport,
    ClaimedJob,
    ClaimedModelImport,
)
from worker.queue.ids import new_attempt_id
from worker.queue.states import Outcome
from worker.queue.store import JobStore

COUNTING_TRAINER = ("counting_trainer",)
AnyContext = TrainingContext | ImportContext | EvaluationContext | PredictionContext | ModelImportContext

C = TypeVar("C", ImportContext, EvaluationContext, PredictionContext, ModelImportContext)

_TIMES: dict[str, Any] = {"lease_s": 3.0, "renew_every_s": 0.1}


def fixture_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module of tests/worker/fixtures."""
    return (sys.executable, "-m", f"tests.worker.fixtures.{module}", *arguments)


@contextmanager
def open_worker_context(
    store: JobStore, folder: Path, trainer: tuple[str, ...] = COUNTING_TRAINER, **settings: Any
) -> Iterator[TrainingContext]:
    """Yield a context whose trainers are a fixture: `trainer` is a module of tests/worker/fixtures and its arguments."""
    spawner = trainer_spawner(fixture_command(*trainer))
    standby = WarmStandby(spawner)
    try:
        yield TrainingContext(
            store=store,
            storage_url=(folder / "storage").as_uri(),
            cache_dir=folder / "cache",
            standby=standby,
            drain=DrainSignal(),
            devices=("cpu",),
            threads=1,
            **{**_TIMES, "stall_timeout_s": 300.0, **settings},
        )
    finally:
        standby.close()
        spawner.close()


@contextmanager
def _open_context(
    kind: type[C], spawner: Spawner, store: JobStore, folder: Path, **settings: Any
) -> Iterator[C]:
    """Yield the context of a kind whose attempts have one child process."""
    try:
        yield kind(
            store=store,
            storage_url=(folder / "storage").as_uri(),
            cache_dir=folder / "cache",
            spawner=spawner,
            drain=DrainSignal(),
            **_TIMES | settings,
        )
    finally:
        spawner.close()


def open_import_context(
    store: JobStore, folder: Path, importer: tuple[str, ...] = (), **settings: Any
) -> AbstractContextManager[ImportContext]:
    """Provide a context for imports: `importer` is a module of tests/worker/fixtures and its arguments; empty for the real one."""
    spawner = importer_spawner(fixture_command(*importer) if importer else IMPORTER_COMMAND)
    return _open_context(ImportContext, spawner, store, folder, **{"timeout_s": 60.0} | settings)


def open_evaluation_context(
    store: JobStore, folder: Path, evaluator: tuple[str, ...] = (), **settings: Any
) -> AbstractContextManager[EvaluationContext]:
    """Provide a context for evaluations: `evaluator` is a module of tests/worker/fixtures and its arguments; empty for the real one."""
    spawner = evaluator_spawner(fixture_command(*evaluator) if evaluator else EVALUATOR_COMMAND)
    own = {"threads": 1, "timeout_s": 100.0}
    return _open_context(EvaluationContext, spawner, store, folder, **own | settings)


def open_prediction_context(
    store: JobStore, folder: Path, classifier: tuple[str, ...] = (), **settings: Any
) -> AbstractContextManager[PredictionContext]:
    """Provide a context for batch predictions: `classifier` is a module of tests/worker/fixtures and its arguments; empty for the real one."""
    spawner = classifier_spawner(fixture_command(*classifier) if classifier else CLASSIFIER_COMMAND)
    return _open_context(PredictionContext, spawner, store, folder, **{"threads": 1} | settings)


def open_model_import_context(
    store: JobStore, folder: Path, **settings: Any
) -> AbstractContextManager[ModelImportContext]:
    """Provide a context for imports of models."""
    own = {"timeout_s": 100.0}
    return _open_context(ModelImportContext, model_importer_spawner(), store, folder, **own | settings)


@contextmanager
def acting_at(failpoint: Failpoint, act: Callable[[], object]) -> Iterator[None]:
    """Call `act` when an attempt in this process reaches a failpoint."""

    def reached(reached: Failpoint) -> None:
        if reached is failpoint:
            act()

    arm(reached)
    try:
        yield
    finally:
        arm(lambda _: None)


def claim_next(store: JobStore) -> tuple[Claimed, str, float]:
    """Claim the next item; returns the claim, the attempt's id, and the lease clock before the claim."""
    attempt_id, claim_sent_at = new_attempt_id(), lease_clock.now()
    claimed = store.claim("test-host", attempt_id)
    assert claimed is not None
    return claimed, attempt_id, claim_sent_at


def make_supervisor(
    context: AnyContext,
    claimed: Claimed,
    attempt_id: str,
    claim_sent_at: float,
) -> Supervisor:
    """Return the supervisor of the item's kind."""
    if isinstance(context, TrainingContext):
        assert isinstance(claimed, ClaimedJob)
        return TrainingSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at)
    if isinstance(context, EvaluationContext):
        assert isinstance(claimed, ClaimedEvaluation)
        return EvaluationSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at)
    if isinstance(context, PredictionContext):
        assert isinstance(claimed, ClaimedBatchPrediction)
        return PredictionSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at)
    if isinstance(context, ModelImportContext):
        assert isinstance(claimed, ClaimedModelImport)
        return ModelImportSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at)
    assert isinstance(claimed, ClaimedImport)
    return ImportSupervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at)


def run_next(context: AnyContext) -> AttemptResult:
    """Claim the next item and run one attempt at it."""
    return make_supervisor(context, *claim_next(context.store)).run()


class BackgroundAttempt:
    """An attempt at the next item that runs in a thread while the test interferes."""

    def __init__(self, context: AnyContext) -> None:
        self.claimed, self.attempt_id, claim_sent_at = claim_next(context.store)
        self._result: AttemptResult | None = None
        self._supervisor = make_supervisor(context, self.claimed, self.attempt_id, claim_sent_at)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._result = self._supervisor.run()

    @property
    def is_running(self) -> bool:
        """Whether the attempt has not ended yet."""
        return self._thread.is_alive()

    def outcome(self, within_s: float = 60) -> Outcome:
        """Wait for the end of the attempt and return its outcome."""
        self._thread.join(within_s)
        assert self._result is not None, f"the attempt still runs after {within_s} s"
        return self._result.outcome
