"""The store of work: all operations on work items as methods, blocking for workers and async for the API."""

from worker.queue.calls import (
    attempts,
    batch_predictions,
    evaluations,
    history,
    imports,
    model_imports,
    reads,
    requests,
    trainings,
    uploads,
)
from worker.queue.calls.listing import JobFilters, JobPage, JobSearch
from worker.redis_server.clients import AsyncStoreClient, StoreClient, async_method, blocking_method

EVERY_JOB = JobFilters()


class JobStore(StoreClient):
    """All operations on work items, over a blocking client."""

    submit = blocking_method(trainings.submit)
    submit_import = blocking_method(imports.submit_import)
    replay = blocking_method(requests.replay)
    cancel = blocking_method(requests.cancel)
    cancel_item = blocking_method(requests.cancel_item)
    stop = blocking_method(trainings.stop)
    pause = blocking_method(requests.pause)
    resume = blocking_method(requests.resume)
    delete = blocking_method(requests.delete)
    claim = blocking_method(attempts.claim)
    renew = blocking_method(attempts.renew)
    report = blocking_method(attempts.report)
    commit_publish = blocking_method(trainings.commit_publish)
    succeed = blocking_method(trainings.succeed)
    submit_evaluation = blocking_method(evaluations.submit_evaluation)
    get_evaluation = blocking_method(evaluations.get_evaluation)
    list_evaluations = blocking_method(evaluations.list_evaluations)
    succeed_evaluation = blocking_method(evaluations.succeed_evaluation)
    submit_prediction = blocking_method(batch_predictions.submit_prediction)
    get_prediction = blocking_method(batch_predictions.get_prediction)
    list_predictions = blocking_method(batch_predictions.list_predictions)
    succeed_prediction = blocking_method(batch_predictions.succeed_prediction)
    submit_model_import = blocking_method(model_imports.submit_model_import)
    get_model_import = blocking_method(model_imports.get_model_import)
    commit_model_import = blocking_method(model_imports.commit_model_import)
    succeed_model_import = blocking_method(model_imports.succeed_model_import)
    note_dataset = blocking_method(imports.note_dataset)
    succeed_import = blocking_method(imports.succeed_import)
    finish = blocking_method(attempts.finish)
    requeue = blocking_method(attempts.requeue)
    reap = blocking_method(attempts.reap)
    get = blocking_method(reads.get)
    get_json = blocking_method(reads.get_json)
    project_of = blocking_method(reads.project_of)
    best_checkpoint = blocking_method(reads.best_checkpoint)
    get_import = blocking_method(imports.get_import)
    list_imports = blocking_method(imports.list_imports)
    rows = blocking_method(reads.rows)
    logs = blocking_method(reads.logs)
    events = blocking_method(reads.events)
    read_history = blocking_method(history.read_history)
    pack_history = blocking_method(history.pack_history)
    note_packing_release = blocking_method(history.note_packing_release)
    finished_before = blocking_method(reads.finished_before)
    watch = blocking_method(reads.watch)
    ended_with_checkpoints = blocking_method(reads.ended_with_checkpoints)
    note_checkpoints_deleted = blocking_method(reads.note_checkpoints_deleted)
    ended_imports = blocking_method(imports.ended_imports)
    note_settled = blocking_method(imports.note_settled)
    waiting_jobs = blocking_method(trainings.waiting_jobs)
    release_waiting = blocking_method(trainings.release_waiting)
    reject_waiting = blocking_method(trainings.reject_waiting)

    def list_jobs(self, filters: JobFilters = EVERY_JOB, *, limit: int = 20, after: str = "") -> JobPage:
        """List the jobs that match all filters, newest first, beginning with the job that follows `after`."""
        search = JobSearch(filters, limit, after)
        while not search.is_done:
            search.add(self.run(search.next_call()))
        return search.page()


class AsyncJobStore(AsyncStoreClient):
    """The operations that the API needs, over an asyncio client."""

    submit = async_method(trainings.submit)
    submit_import = async_method(imports.submit_import)
    replay = async_method(requests.replay)
    cancel = async_method(requests.cancel)
    cancel_item = async_method(requests.cancel_item)
    stop = async_method(trainings.stop)
    pause = async_method(requests.pause)
    resume = async_method(requests.resume)
    delete = async_method(requests.delete)
    get = async_method(reads.get)
    get_json = async_method(reads.get_json)
    get_import = async_method(imports.get_import)
    list_imports = async_method(imports.list_imports)
    submit_evaluation = async_method(evaluations.submit_evaluation)
    get_evaluation = async_method(evaluations.get_evaluation)
    list_evaluations = async_method(evaluations.list_evaluations)
    submit_prediction = async_method(batch_predictions.submit_prediction)
    get_prediction = async_method(batch_predictions.get_prediction)
    list_predictions = async_method(batch_predictions.list_predictions)
    submit_model_import = async_method(model_imports.submit_model_import)
    get_model_import = async_method(model_imports.get_model_import)
    best_checkpoint = async_method(reads.best_checkpoint)
    rows = async_method(reads.rows)
    logs = async_method(reads.logs)
    events = async_method(reads.events)
    create_upload = async_method(uploads.create_upload)
    read_upload = async_method(uploads.read_upload)
    append_part = async_method(uploads.append_part)
    delete_upload = async_method(uploads.delete_upload)

    async def list_jobs(
        self, filters: JobFilters = EVERY_JOB, *, limit: int = 20, after: str = ""
    ) -> JobPage:
        """List the jobs that match all filters, newest first, beginning with the job that follows `after`."""
        search = JobSearch(filters, limit, after)
        while not search.is_done:
            search.add(await self.run(search.next_call()))
        return search.page()
