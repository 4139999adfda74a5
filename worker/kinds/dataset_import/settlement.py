"""What follows the end of an import: the jobs that wait for its dataset are queued or failed, and the upload is deleted.

The worker that ran the import does it at once; upkeep repeats it when that worker died. Every step may be repeated.
"""

import logging
from collections.abc import Sequence

from model.artifact.manifest import Manifest
from model.errors import StorageError, UnfitSpecError
from model.host.failpoints import Failpoint, reach
from model.recipes.starter import STARTER
from model.spec import DatasetFacts, JobSpec
from model.storage.opening import open_storage
from worker.errors import DatasetNotFoundError, JobNotFoundError, ModelNotFoundError
from worker.queue.ids import parts_folder, upload_key
from worker.queue.live_workers import LiveWorkers, training_devices
from worker.queue.records import DatasetImport, JobError
from worker.queue.states import Status
from worker.queue.store import JobStore
from worker.redis_server.projects import storage_url
from worker.registry.datasets import DatasetRegistry
from worker.registry.errors import NoProductionError
from worker.registry.model_registry import ModelRegistry
from worker.registry.spec_resolution import resolve_for_workers

_log = logging.getLogger(__name__)


class ImportSettlement:
    """Settles ended imports."""

    def __init__(self, store: JobStore, storage: str) -> None:
        """`storage` is the URL of the service's storage."""
        self._store = store
        self._storage = storage

    def settle_all(self) -> list[str]:
        """Settle every import that has ended; return their ids."""
        return [import_id for import_id in self._store.ended_imports() if self.settle(import_id)]

    def settle(self, import_id: str) -> bool:
        """Settle one import; False when it must be tried again."""
        project = self._store.project_of(import_id)
        if project is not None:
            ended = self._store.get_import(import_id, None)
            if job_ids := self._store.waiting_jobs(import_id):
                self._settle_jobs(job_ids, ended, project)
            try:
                storage = open_storage(storage_url(self._storage, project))
                storage.delete(upload_key(import_id))
                storage.delete(parts_folder(import_id))
            except StorageError as error:
                _log.warning("could not delete the upload of %s, trying again: %s", import_id, error)
                return False
        self._store.note_settled(import_id)
        reach(Failpoint.IMPORT_SETTLED)
        return True

    def _settle_jobs(self, job_ids: list[str], ended: DatasetImport, project: str) -> None:
        facts = self._facts(ended, project)
        if facts is None:
            message = f"The dataset {ended.name} was not imported."
            if ended.error:
                message = f"{message} {ended.error.message}"
            for job_id in job_ids:
                self._store.reject_waiting(
                    job_id, ended.id, JobError(code="dataset_rejected", message=message)
                )
            return
        devices = training_devices(LiveWorkers(self._store.redis).list_workers())
        for job_id in job_ids:
            self._release(job_id, ended.id, project, facts, devices)

    def _release(
        self,
        job_id: str,
        import_id: str,
        project: str,
        facts: DatasetFacts,
        devices: Sequence[Sequence[str]],
    ) -> None:
        """Queue a job that waited, with its spec resolved; fail the job when its spec does not fit the dataset."""
        try:
            kept = self._store.get(job_id, project).spec.model_dump(exclude_unset=True)
            # A later release may have stored fields that this one does not know.
            posted = JobSpec.model_validate(
                {name: kept[name] for name in JobSpec.model_fields if name in kept}
            )
            spec, warnings = resolve_for_workers(posted, facts, devices, self._starter(project))
        except JobNotFoundError:
            gone = JobError(code="dataset_rejected", message="The job is gone.")
            self._store.reject_waiting(job_id, import_id, gone)
        except UnfitSpecError as error:
            why = JobError(code=error.code, message=str(error))
            self._store.reject_waiting(job_id, import_id, why, facts.id)
        else:
            self._store.release_waiting(job_id, import_id, spec, tuple(warnings))

    def _starter(self, project: str) -> Manifest | None:
        try:
            return ModelRegistry(self._store.redis).resolve(STARTER, project).manifest
        except (ModelNotFoundError, NoProductionError):
            return None

    def _facts(self, ended: DatasetImport, project: str) -> DatasetFacts | None:
        if ended.status is not Status.SUCCEEDED or ended.result is None:
            return None
        try:
            return DatasetRegistry(self._store.redis).get(ended.result.dataset_id, project).facts
        except DatasetNotFoundError:  # it was deleted meanwhile
            return None
