"""Queues, finds, cancels and deletes evaluations of models on other datasets. Knows no HTTP."""

from api.http.callers import Principal
from api.models.evaluation.errors import EvaluationNotFoundError
from api.records.datasets import DatasetCatalogue, find_built_in
from api.records.storages import Storages
from api.records.work_queue import WorkQueue
from model.artifact.manifest import Manifest, model_key
from model.host.failpoints import Failpoint, reach
from worker.queue.calls.evaluations import NewEvaluation
from worker.queue.ids import evaluation_file
from worker.queue.records import EvaluatedSplit, EvaluationRun

_DELETE_TIMEOUT_S = 60.0


class EvaluationRuns:
    """The evaluations of published models that users ask for."""

    def __init__(
        self,
        queue: WorkQueue,
        datasets: DatasetCatalogue,
        storages: Storages,
        *,
        queue_limit: int,
    ) -> None:
        self._queue = queue
        self._store = queue.store
        self._datasets = datasets
        self._storages = storages
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
            self._queue.wake_worker()
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
            run = await self._store.get_evaluation(evaluation_id, project)
            if run.model != manifest.id:
                raise EvaluationNotFoundError
            return run

        return await self._queue.find(evaluation_id, read, unknown=EvaluationNotFoundError, wait_s=wait_s)

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
        cancelled = await self._queue.cancel(run, project)
        if cancelled is None:
            folder = model_key(manifest.id, evaluation_file(run.id, ""))
            await self._storages.run_within(_DELETE_TIMEOUT_S, self._storages.of(project).delete, folder)
            await self._queue.forget(run.id, project)
        return cancelled

    async def forget(self, model_id: str, project: str) -> None:
        """Delete the records of all evaluations of a model that is being deleted; all of them have ended."""
        while runs := await self._store.list_evaluations(model_id, limit=100, project=project):
            for run in runs:
                await self._queue.forget(run.id, project)
