"""What a worker can do: the lanes that it serves, and how it runs an attempt at each kind of work."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from model.data.prepared.cache import CacheLimits
from model.host.cpus import cpu_quota
from worker.attempt.context import WorkerContext
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
    run: dict[Kind, RunAttempt] = {}
    prepare: list[Callable[[], None]] = []
    if LANES[Kind.DATASET_IMPORT] in lanes:
        spawner = importer_spawner(commands.importer)
        cleanups.callback(spawner.close)
        imports = ImportContext(
            **vars(shared),
            spawner=spawner,
            timeout_s=settings.import_timeout_s,
            sources=source_access(
                settings.source_roots,
                settings.egress_proxy.get_secret_value(),
                settings.cache_dir,
                egress=settings.allow_egress,
            ),
        )
        run[Kind.DATASET_IMPORT] = partial(_run, ImportSupervisor, imports)
    if LANES[Kind.EVALUATION] in lanes:
        spawner = evaluator_spawner(commands.evaluator, storage=settings.storage)
        cleanups.callback(spawner.close)
        evaluations = EvaluationContext(
            **vars(shared),
            spawner=spawner,
            threads=settings.threads or cpu_quota(),
            timeout_s=settings.evaluation_timeout_s,
            cache_limits=CacheLimits(settings.prepared_bytes, settings.prepared_days),
        )
        run[Kind.EVALUATION] = partial(_run, EvaluationSupervisor, evaluations)
    if LANES[Kind.MODEL_IMPORT] in lanes:
        spawner = model_importer_spawner(commands.model_importer)
        cleanups.callback(spawner.close)
        model_imports = ModelImportContext(
            **vars(shared), spawner=spawner, timeout_s=settings.import_timeout_s
        )
        run[Kind.MODEL_IMPORT] = partial(_run, ModelImportSupervisor, model_imports)
    if LANES[Kind.BATCH_PREDICTION] in lanes:
        spawner = classifier_spawner(commands.classifier, storage=settings.storage)
        cleanups.callback(spawner.close)
        predictions = PredictionContext(
            **vars(shared),
            spawner=spawner,
            threads=settings.threads or cpu_quota(),
            cache_limits=CacheLimits(settings.prepared_bytes, settings.prepared_days),
        )
        run[Kind.BATCH_PREDICTION] = partial(_run, PredictionSupervisor, predictions)
    if LANES[Kind.TRAINING] in lanes:
        spawner = trainer_spawner(commands.trainer, storage=settings.storage)
        cleanups.callback(spawner.close)
        standby = WarmStandby(spawner)
        cleanups.callback(standby.close)
        trainings = TrainingContext(
            **vars(shared),
            standby=standby,
            devices=devices,
            threads=settings.threads or cpu_quota(),
            stall_timeout_s=settings.stall_timeout_s,
            tensorboard_dir=settings.tensorboard_dir,
            keeps_states=settings.keep_states > 0,
            cache_limits=CacheLimits(settings.prepared_bytes, settings.prepared_days),
        )
        cleaner = CacheCleaner(settings.cache_dir, trainings.cache_limits)
        cleaner.start()
        cleanups.callback(cleaner.stop)
        run[Kind.TRAINING] = partial(_run, TrainingSupervisor, trainings)
        prepare.append(standby.prepare)
    return Abilities(lanes, len(devices), run, lambda: [prepare_one() for prepare_one in prepare])


def _run(
    supervisor: Callable[..., Any],
    context: WorkerContext,
    claimed: Claimed,
    attempt_id: str,
    claim_sent_at: float,
) -> AttemptResult:
    result: AttemptResult = supervisor(context, claimed, attempt_id, claim_sent_at=claim_sent_at).run()
    return result
