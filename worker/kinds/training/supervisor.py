"""Supervises one attempt at a job: gives the trainer its start message, and publishes the model that it staged."""

from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.checkpoints import AttemptCheckpoints
from worker.attempt.exit_classification import AttemptEnd
from worker.attempt.supervisor import Supervisor
from worker.kinds.training.attempt_ending import TrainingEnding
from worker.kinds.training.context import TrainingContext
from worker.kinds.training.messages import Staged, Start
from worker.kinds.training.outbox import TrainingOutbox
from worker.kinds.training.running_trainer import RunningTrainer
from worker.queue.attempt_messages import ClaimedJob, Report, TrainingReport
from worker.queue.ids import checkpoints_prefix, new_model_id
from worker.queue.states import Outcome
from worker.redis_server.projects import storage_url
from worker.registry.training_states import find_state, state_prefix


class TrainingSupervisor(Supervisor):
    """Runs one attempt at a job."""

    def __init__(
        self, context: TrainingContext, claimed: ClaimedJob, attempt_id: str, *, claim_sent_at: float
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        self._training_outbox = TrainingOutbox()
        super().__init__(context, claimed, attempt_id, self._training_outbox, claim_sent_at=claim_sent_at)
        self._training = context
        self._claimed = claimed
        self._model_id = new_model_id()
        self._storage_url = storage_url(context.storage_url, claimed.project)
        self._storage = open_storage(self._storage_url)
        self._checkpoints = AttemptCheckpoints(self._storage, claimed.item_id, claimed.checkpoint)
        self._ending = TrainingEnding(
            context,
            claimed,
            attempt_id,
            model_id=self._model_id,
            storage=self._storage,
            checkpoints=self._checkpoints,
        )

    def _work(self) -> Outcome:
        if self._claimed.committed:
            self._has_begun = True  # in an earlier attempt
            return self._ending.complete_publish(self._claimed.committed)
        if self._context.drain.is_requested:
            return self._ending.requeue(AttemptEnd(Outcome.DRAINED))
        return self._train()

    def _train(self) -> Outcome:
        self._checkpoints.find_existing()
        start = self._start_message()  # made first: if this fails, no trainer is left behind
        trainer = RunningTrainer(
            self._training.standby.take(),
            self._training_outbox,
            self._context.drain,
            start,
            stall_timeout_s=self._training.stall_timeout_s,
        )
        end, final_message = self._supervise(trainer)
        self._has_begun = trainer.has_trained
        if isinstance(final_message, Staged) and end.outcome is Outcome.SUCCEEDED:
            return self._ending.publish(final_message)
        return self._ending.end_without_result(end)

    def _on_sent(self, report: Report) -> None:
        if isinstance(report, TrainingReport) and report.checkpoint:
            reach(Failpoint.CHECKPOINT_RECORDED)
            self._checkpoints.record_moved_to(report.checkpoint)

    def _continued_state(self) -> str | None:
        """Return the key of the state from which the training starts; without the object the trainer tells what to do."""
        if (source := self._claimed.spec.extended_from) is None:
            return None
        found = find_state(self._storage, source.job, source.model)
        return found or f"{state_prefix(source.job, source.model)}.safetensors"

    def _start_message(self) -> Start:
        claimed, context = self._claimed, self._training
        return Start(
            job_id=claimed.item_id,
            attempt_number=claimed.attempt_number,
            model_id=self._model_id,
            spec=claimed.spec,
            recipe=claimed.recipe,
            storage=self._storage_url,
            cache_dir=context.cache_dir,
            cache_limits=context.cache_limits,
            out_prefix=f"{checkpoints_prefix(claimed.item_id)}/{claimed.attempt_number}",
            resume_from=claimed.checkpoint.key if claimed.checkpoint else None,
            fall_back_to=self._checkpoints.fallbacks(),
            state_prefix=state_prefix(claimed.item_id, self._model_id) if context.keeps_states else None,
            continue_from=self._continued_state(),
            devices=context.devices[: claimed.spec.gpus],
            threads=context.threads,
            pauses=claimed.pauses,
            curves=context.tensorboard_dir and context.tensorboard_dir / claimed.item_id,
            batch_parts=2**claimed.memory_deaths,
            deadline=self._lease.deadline,
            should_stop=claimed.should_stop,
        )
