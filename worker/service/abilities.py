"""What a worker can do: the lanes that it serves, and how it runs an attempt at each kind of work."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from model.data.prepared.cache import CacheLimits
from model.host.cpus import cpu_quota
from worker.attempt.context import WorkerContext
from worker.attempt.spawner import Spawner
from worker.attempt.supervisor import AttemptResult
from worker.kinds.batch_prediction.classifier_command import CLASSIFIER_COMMAND, classifier_spawner
from worker.kinds.batch_prediction.context import PredictionContext
from worker.kinds.batch_prediction.supervisor import PredictionSupervisor
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.dataset_import.importer_command import IMPORTER_COMMAND, importer_spawner
from worker.kinds.dataset_import.sources.opening import source_access
from worker.kinds.dataset_import.supervisor import ImportSupervisor
from worker.kinds.evaluation.context import EvaluationContext
from worker.kinds.evaluation.evaluator_command import EVALUATOR_COMMAND, evaluator_spawner
from worker.kinds.evaluation.supervisor import EvaluationSupervisor
from worker.kinds.model_import.context import ModelImportContext
from worker.kinds.model_import.importer_command import IMPORTER_COMMAND as MODEL_IMPORTER_COMMAND
from worker.kinds.model_import.importer_command import importer_spawner as model_importer_spawner
from worker.kinds.model_import.supervisor import ModelImportSupervisor
from worker.kinds.training.cache_cleaner import CacheCleaner
from worker.kinds.training.context import TrainingContext
from worker.kinds.training.supervisor import TrainingSupervisor
from worker.kinds.training.trainer_command import TRAINER_COMMAND, trainer_spawner
from worker.kinds.training.warm_standby import WarmStandby
from worker.queue.attempt_messages import Claimed
from worker.queue.kinds import LANES, Kind, Lane
from worker.settings import WorkerSettings

RunAttempt = Callable[[Claimed, str, float], AttemptResult]
"""Runs an attempt: the claimed item, the attempt's id, and the lease clock before the claim was sent."""


@dataclass(frozen=True)
class ChildCommands:
    """The commands of the child processes; tests give their own."""

    trainer: Sequence[str] = TRAINER_COMMAND
    importer: Sequence[str] = IMPORTER_COMMAND
    evaluator: Sequence[str] = EVALUATOR_COMMAND
    model_importer: Sequence[str] = MODEL_IMPORTER_COMMAND
    classifier: Sequence[str] = CLASSIFIER_COMMAND


DEFAULT_COMMANDS = ChildCommands()


@dataclass(frozen=True)
class Abilities:
    """What a worker can do."""

    lanes: Sequence[Lane]
    devices: int
    run: Mapping[Kind, RunAttempt]
    prepare: Callable[[], object]
    """Is called when the worker becomes idle."""


def make_abilities(
    cleanups: ExitStack,
    shared: WorkerContext,
    settings: WorkerSettings,
    commands: ChildCommands,
    *,
    lanes: Sequence[Lane],
    devices: tuple[str, ...],
) -> Abilities:
    """Make what the kinds of work in these lanes need; `cleanups` ends it."""
    making = _Making(cleanups, shared, settings, commands, devices)
    makers: dict[Kind, Callable[[], RunAttempt]] = {
        Kind.DATASET_IMPORT: making.for_dataset_imports,
        Kind.EVALUATION: making.for_evaluations,
        Kind.MODEL_IMPORT: making.for_model_imports,
        Kind.BATCH_PREDICTION: making.for_batch_predictions,
        Kind.TRAINING: making.for_trainings,
    }
    run = {kind: make() for kind, make in makers.items() if LANES[kind] in lanes}
    return Abilities(lanes, len(devices), run, lambda: [prepare() for prepare in making.prepare])


@dataclass(frozen=True)
class _Making:
    """Makes the context of each kind of work, and what runs an attempt in it."""

    cleanups: ExitStack
    shared: WorkerContext
    settings: WorkerSettings
    commands: ChildCommands
    devices: tuple[str, ...]
    prepare: list[Callable[[], object]] = field(default_factory=list)

    def for_dataset_imports(self) -> RunAttempt:
        context = ImportContext(
            **vars(self.shared),
            spawner=self._closed_at_end(importer_spawner(self.commands.importer)),
            timeout_s=self.settings.import_timeout_s,
            sources=source_access(
                self.settings.source_roots,
                self.settings.egress_proxy.get_secret_value(),
                self.settings.cache_dir,
                egress=self.settings.allow_egress,
            ),
        )
        return partial(_run, ImportSupervisor, context)

    def for_evaluations(self) -> RunAttempt:
        spawner = evaluator_spawner(self.commands.evaluator, storage=self.settings.storage)
        context = EvaluationContext(
            **vars(self.shared),
            spawner=self._closed_at_end(spawner),
            threads=self._threads,
            timeout_s=self.settings.evaluation_timeout_s,
            cache_limits=self._cache_limits,
        )
        return partial(_run, EvaluationSupervisor, context)

    def for_model_imports(self) -> RunAttempt:
        context = ModelImportContext(
            **vars(self.shared),
            spawner=self._closed_at_end(model_importer_spawner(self.commands.model_importer)),
            timeout_s=self.settings.import_timeout_s,
        )
        return partial(_run, ModelImportSupervisor, context)

    def for_batch_predictions(self) -> RunAttempt:
        spawner = classifier_spawner(self.commands.classifier, storage=self.settings.storage)
        context = PredictionContext(
            **vars(self.shared),
            spawner=self._closed_at_end(spawner),
            threads=self._threads,
            cache_limits=self._cache_limits,
        )
        return partial(_run, PredictionSupervisor, context)

    def for_trainings(self) -> RunAttempt:
        spawner = trainer_spawner(self.commands.trainer, storage=self.settings.storage)
        standby = WarmStandby(self._closed_at_end(spawner))
        self.cleanups.callback(standby.close)
        context = TrainingContext(
            **vars(self.shared),
            standby=standby,
            devices=self.devices,
            threads=self._threads,
            stall_timeout_s=self.settings.stall_timeout_s,
            tensorboard_dir=self.settings.tensorboard_dir,
            keeps_states=self.settings.keep_states > 0,
            cache_limits=self._cache_limits,
        )
        cleaner = CacheCleaner(self.settings.cache_dir, context.cache_limits)
        cleaner.start()
        self.cleanups.callback(cleaner.stop)
        self.prepare.append(standby.prepare)
        return partial(_run, TrainingSupervisor, context)

    @property
    def _threads(self) -> int:
        return self.settings.threads or cpu_quota()

    @property
    def _cache_limits(self) -> CacheLimits:
        return CacheLimits(self.settings.prepared_bytes, self.settings.prepared_days)

    def _closed_at_end(self, spawner: Spawner) -> Spawner:
        self.cleanups.callback(spawner.close)
        return spawner


def _run(
    supervisor: Callable[..., Any],
    context: WorkerContext,
    claimed: Claimed,
    attempt_id: str,
    claim_sent_at: float,
) -> AttemptResult:
    result: AttemptResult = supervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()
    return result
