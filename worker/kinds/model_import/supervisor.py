"""Supervises one attempt at the import of a model: a process checks and stores its files, the worker publishes it."""

import logging
from pathlib import Path

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from model.errors import BundleRejectedError, ObjectMissingError, StorageError
from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.ending import AttemptEnding
from worker.attempt.exit_classification import AttemptEnd
from worker.attempt.outbox import Outbox
from worker.attempt.supervisor import Supervisor
from worker.errors import JobCancelledError
from worker.kinds.model_import.context import ModelImportContext
from worker.kinds.model_import.messages import BundleRead
from worker.kinds.model_import.running_import import RunningModelImport
from worker.queue.attempt_messages import ClaimedModelImport, Committed
from worker.queue.ids import new_model_id
from worker.queue.states import Outcome
from worker.redis_server.projects import storage_url

_log = logging.getLogger(__name__)

_TOO_SLOW = "Reading the bundle took too long: try again, or raise NINEFOLD_IMPORT_TIMEOUT_S."
_UPLOAD_GONE = "The upload is no longer in storage: send the bundle again."


class ModelImportSupervisor(Supervisor):
    """Runs one attempt at the import of a model."""

    def __init__(
        self,
        context: ModelImportContext,
        claimed: ClaimedModelImport,
        attempt_id: str,
        *,
        claim_sent_at: float,
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        super().__init__(context, claimed, attempt_id, Outbox(), claim_sent_at=claim_sent_at)
        self._import = context
        self._claimed = claimed
        self._model_id = new_model_id()
        self._storage_url = storage_url(context.storage_url, claimed.project)
        self._storage = open_storage(self._storage_url)
        self._ending = AttemptEnding(context, claimed, attempt_id)

    def _work(self) -> Outcome:
        if self._claimed.committed:
            self._has_begun = True  # in an earlier attempt
            outcome = self._publish(self._claimed.committed)
        elif self._context.drain.is_requested:
            return self._ending.requeue(AttemptEnd(Outcome.DRAINED))
        else:
            outcome = self._read_and_publish()
        if outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED):
            self._delete(self._claimed.upload)
        return outcome

    def _read_and_publish(self) -> Outcome:
        try:
            with (
                self._storage.as_file(self._claimed.upload) as bundle,
                self._storage.working_folder() as out,
            ):
                read = self._read(bundle, out)
                if isinstance(read, AttemptEnd):
                    return self._ending.end_without_result(read)
                self._store_files(read, out)
        except ObjectMissingError:
            return self._ending.finish(AttemptEnd(Outcome.FAILED, _UPLOAD_GONE, BundleRejectedError.code))
        except StorageError as error:
            self._delete_staged_model()
            end = AttemptEnd(Outcome.CRASHED, f"Storage failed: {error}")
            _log.warning("%s: %s", self._claimed.item_id, end.message)
            return self._ending.requeue(end)
        return self._commit(read)

    def _read(self, bundle: Path, out: Path) -> BundleRead | AttemptEnd:
        """Let a process read the bundle; return what it found, or how the attempt ends."""
        process = self._import.spawner.spawn("--bundle", str(bundle), "--out", str(out))
        child = RunningModelImport(
            process, self._outbox, self._context.drain, timeout_s=self._import.timeout_s
        )
        end, final_message = self._supervise(child)
        self._has_begun = child.has_begun
        if child.is_too_slow:
            return AttemptEnd(Outcome.FAILED, _TOO_SLOW, BundleRejectedError.code)
        if isinstance(final_message, BundleRead) and end.outcome is Outcome.SUCCEEDED:
            return final_message
        if end.error_code == StorageError.code:  # another attempt may succeed
            return AttemptEnd(Outcome.CRASHED, end.message)
        return end

    def _store_files(self, read: BundleRead, out: Path) -> None:
        for name in read.draft["files"]:
            self._storage.put_file(model_key(self._model_id, name), out / name)
        reach(Failpoint.PUBLISH_STAGED)

    def _commit(self, read: BundleRead) -> Outcome:
        """Pass the commit point, which gives the version; the model is published from then on, also by a later attempt."""
        name = self._claimed.name or read.name
        draft = {
            "object": "model",
            "id": self._model_id,
            "name": name,
            "created_by": self._claimed.created_by,
            "job_id": None,
            **read.draft,
        }
        try:
            committed = self._ending.retry(
                lambda: self._store.commit_model_import(self._claimed.item_id, self._attempt_id, name, draft)
            )
        except JobCancelledError:
            self._delete_staged_model()
            return self._ending.finish(AttemptEnd(Outcome.CANCELLED))
        reach(Failpoint.PUBLISH_COMMITTED)
        return self._publish(committed)

    def _publish(self, committed: Committed) -> Outcome:
        """Write the manifest and end the import. Every step may be repeated."""
        manifest = Manifest.model_validate_json(committed.manifest_json)
        try:
            self._storage.put_bytes(model_key(manifest.id, MANIFEST_FILE), committed.manifest_json.encode())
        except StorageError as error:
            end = AttemptEnd(Outcome.CRASHED, f"The model's manifest could not be written: {error}")
            _log.warning("%s: %s", self._claimed.item_id, end.message)
            return self._ending.requeue(end)
        reach(Failpoint.PUBLISH_WRITTEN)
        self._ending.retry(lambda: self._store.succeed_model_import(self._claimed.item_id, self._attempt_id))
        reach(Failpoint.FINISH_RECORDED)
        return Outcome.SUCCEEDED

    def _delete_staged_model(self) -> None:
        """Delete the files of a model that is not committed: it can never become one."""
        self._delete(f"models/{self._model_id}")

    def _delete(self, key: str) -> None:
        try:
            self._storage.delete(key)
        except StorageError as error:
            _log.warning("could not delete %s; `ninefold gc` removes it later: %s", key, error)
