"""Queues, finds, cancels and deletes evaluations of models on other datasets. Knows no HTTP."""

from contextlib import suppress

from api.feed.waiting import ChangeWaiter
from api.http.callers import Principal
from api.models.evaluation.errors import EvaluationNotFoundError
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.storages import Storages
from api.records.wake_up_throttle import WakeUpThrottle
from model.artifact.manifest import Manifest, model_key
from model.host.failpoints import Failpoint, reach
from worker.errors import JobNotFoundError, WrongStateError
from worker.queue.calls.evaluations import NewEvaluation
from worker.queue.ids import evaluation_file
from worker.queue.kinds import Lane
from worker.queue.records import EvaluatedSplit, EvaluationRun
from worker.queue.store import AsyncJobStore

_DELETE_TIMEOUT_S = 60.0


class EvaluationRuns:
    """The evaluations of published models that users ask for."""

    def __init__(
        self,
        store: AsyncJobStore,
        datasets: DatasetCatalogue,
        storages: Storages,
        wake_ups: WakeUpThrottle,
        waiter: ChangeWaiter,
        *,
        queue_limit: int,
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._storages = storages
        self._wake_ups = wake_ups
        self._waiter = waiter
        self._queue_limit = queue_limit

    async def submit(
        self,
        manifest: Manifest,
        dataset: str,
        split: EvaluatedSplit,
        caller: Principal,
        idempotency_key: str | None,
    ) -> EvaluationRun:
        """Queue an evaluation; a repeated idempotency key returns the first one.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            DatasetNotReadyError: the dataset is being imported.
            DatasetNotMadeError: its import was rejected or cancelled.
            ModelNotFoundError: the model was deleted during the request.
            QueueFullError: too many evaluations are queued.
        """
        built_in = find_built_in(dataset)
        facts = built_in or (await self._datasets.look_up_ready(dataset, caller.project)).facts
        new = NewEvaluation(
            model=manifest.id,
            model_name=manifest.name,
            dataset=facts.id,
            is_uploaded=built_in is None,
            split=split,
            created_by=caller.name,
            project=caller.project,
        )
        reach(Failpoint.SUBMIT_RESOLVED)
        submitted = await self._store.submit_evaluation(new, idempotency_key, queue_limit=self._queue_limit)
        reach(Failpoint.SUBMIT_RECORDED)
        if not submitted.is_replay:
            self._wake_ups.request(Lane.LIGHT)
            reach(Failpoint.SUBMIT_WAKE_UP_SENT)
        return submitted.run

    async def find(
        self, manifest: Manifest, evaluation_id: str, project: str, wait_s: float = 0
    ) -> EvaluationRun:
        """Return an evaluation of the model; with `wait_s`, once it has ended, or after this time.

        Raises:
            EvaluationNotFoundError: the model has no such evaluation.
        """

        async def read() -> EvaluationRun:
            try:
                run = await self._store.get_evaluation(evaluation_id, project)
            except JobNotFoundError:
                raise EvaluationNotFoundError from None
            if run.model != manifest.id:
                raise EvaluationNotFoundError
            return run

        return await self._waiter.read_changed(
            evaluation_id,
            read,
            state_of=lambda run: run.is_finished,
            is_final=lambda run: run.is_finished,
            wait_s=wait_s,
        )

    async def page(self, manifest: Manifest, project: str, limit: int, after: str) -> list[EvaluationRun]:
        """Return the evaluations of the model that follow `after`, newest first."""
        return list(
            await self._store.list_evaluations(manifest.id, limit=limit, after=after, project=project)
        )

    async def cancel_or_delete(
        self, manifest: Manifest, evaluation_id: str, project: str
    ) -> EvaluationRun | None:
        """Cancel an evaluation that has not ended; delete one that has, with its files, and return None.

        Raises:
            EvaluationNotFoundError: the model has no such evaluation.
        """
        run = await self.find(manifest, evaluation_id, project)
        if not run.is_finished:
            with suppress(WrongStateError):  # it has ended since it was looked up
                text = await self._store.cancel_item(run.id, project)
                return EvaluationRun.model_validate_json(text)
        folder = model_key(manifest.id, evaluation_file(run.id, ""))
        await self._storages.run_within(_DELETE_TIMEOUT_S, self._storages.of(project).delete, folder)
        with suppress(JobNotFoundError):  # another request has deleted it
            await self._store.delete(run.id, project)
        return None

    async def forget(self, model_id: str, project: str) -> None:
        """Delete the records of all evaluations of a model that is being deleted; all of them have ended."""
        while runs := await self._store.list_evaluations(model_id, limit=100, project=project):
            for run in runs:
                with suppress(JobNotFoundError):
                    await self._store.delete(run.id, project)
