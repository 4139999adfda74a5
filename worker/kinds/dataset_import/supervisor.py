"""Supervises one attempt at an import: a process reads the upload into a folder, the worker stores and registers it."""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from model.data.checks.facts import with_facts
from model.data.duplicates.groups_file import GROUPS_FILE
from model.data.record import IMAGES_FILE, RECORD_FILE, DatasetRecord, dataset_key, update_record
from model.data.report.index_file import INDEX_FILE, THUMBNAILS_PATTERN
from model.errors import (
    DatasetRejectedError,
    ObjectExistsError,
    ObjectMissingError,
    StorageError,
    UnexpectedDatasetError,
)
from model.host.failpoints import Failpoint, reach
from model.storage.opening import open_storage
from worker.attempt.ending import AttemptEnding
from worker.attempt.exit_classification import AttemptEnd
from worker.attempt.outbox import Outbox
from worker.attempt.supervisor import Supervisor
from worker.errors import (
    DatasetBeingDeletedError,
    DatasetNameTakenError,
    DatasetUnchangedError,
    ParentDeletedError,
    SourceRefusedError,
    WrongStateError,
)
from worker.kinds.dataset_import.context import ImportContext
from worker.kinds.dataset_import.messages import DatasetWritten
from worker.kinds.dataset_import.running_import import RunningImport
from worker.kinds.dataset_import.settlement import ImportSettlement
from worker.kinds.dataset_import.sources.errors import SourceRejectedError, SourceUnavailableError
from worker.kinds.dataset_import.uploaded_zip import uploaded_zip
from worker.queue.attempt_messages import ClaimedImport, Flags
from worker.queue.states import DEATHS_ALLOWED, Outcome
from worker.redis_server.projects import storage_url
from worker.registry.datasets import DatasetRegistry, registered
from worker.registry.deletion import finish_dataset_deletions

_log = logging.getLogger(__name__)

_TOO_SLOW = "Reading the zip took too long: split it, or use smaller images."
_FETCH_TOO_SLOW = "Fetching the images took too long: use fewer, or raise NINEFOLD_IMPORT_TIMEOUT_S."
_UPLOAD_GONE = "The upload is no longer in storage: upload the zip again."


class _NotWantedError(Exception):
    """Raised when the attempt shall end before the import process has begun."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class ImportSupervisor(Supervisor):
    """Runs one attempt at an import."""

    def __init__(
        self, context: ImportContext, claimed: ClaimedImport, attempt_id: str, *, claim_sent_at: float
    ) -> None:
        """`claim_sent_at` is the lease clock before the claim was sent: the first lease counts from there."""
        super().__init__(context, claimed, attempt_id, Outbox(), claim_sent_at=claim_sent_at)
        self._import = context
        self._claimed = claimed
        self._storage = open_storage(storage_url(context.storage_url, claimed.project))
        self._ending = AttemptEnding(context, claimed, attempt_id)
        self._is_cancelled = False
        self._fetch_ends_at = time.monotonic() + context.timeout_s

    def _work(self) -> Outcome:
        if self._context.drain.is_requested:
            return self._ending.requeue(AttemptEnd(Outcome.DRAINED))
        try:
            with ExitStack() as opened:
                sources = self._sources(opened)
                outcome = self._read_and_store(sources, opened.enter_context(self._storage.working_folder()))
        except _NotWantedError as error:
            outcome = self._ending.end_without_result(AttemptEnd(error.outcome))
        except ObjectMissingError:
            outcome = self._reject(DatasetRejectedError.code, _UPLOAD_GONE)
        except (ParentDeletedError, SourceRefusedError) as error:
            outcome = self._reject(error.code, str(error))
        except SourceRejectedError as error:
            outcome = self._reject(DatasetRejectedError.code, str(error))
        except SourceUnavailableError as error:
            outcome = self._try_again_later(str(error))
        except StorageError as error:
            end = AttemptEnd(Outcome.CRASHED, f"Storage failed: {error}")
            _log.warning("%s: %s", self._claimed.item_id, end.message)
            outcome = self._ending.requeue(end)
        if outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED):
            ImportSettlement(self._store, self._context.storage_url).settle(self._claimed.item_id)
        return outcome

    def _sources(self, opened: ExitStack) -> list[str]:
        """Provide the files that the process reads, and return the options that name them."""
        if self._claimed.source is not None:
            access = self._import.sources
            return opened.enter_context(
                access.open(self._claimed.source, self._storage, self._check_wanted)
            ).options()
        upload = uploaded_zip(self._storage, self._claimed.upload or "", self._check_wanted)
        sources = ["--source", str(opened.enter_context(upload))]
        parent = self._claimed.parent
        if parent is None:
            return sources
        try:
            images = opened.enter_context(self._storage.as_file(dataset_key(parent, IMAGES_FILE)))
        except ObjectMissingError:
            raise ParentDeletedError(self._claimed.name) from None
        sources += ["--base-id", parent, "--base-images", str(images)]
        with suppress(ObjectMissingError):  # an earlier release imported it
            index = opened.enter_context(self._storage.as_file(dataset_key(parent, INDEX_FILE)))
            sources += ["--base-index", str(index)]
        return sources

    def _try_again_later(self, reason: str) -> Outcome:
        """Return the import to the queue; fail it when this was the last attempt."""
        if self._claimed.attempt_number >= DEATHS_ALLOWED:
            return self._reject("source_unavailable", f"{reason}. Try again later.")
        _log.warning("%s: %s", self._claimed.item_id, reason)
        return self._ending.requeue(AttemptEnd(Outcome.CRASHED, reason))

    def _read_and_store(self, sources: list[str], out: Path) -> Outcome:
        process = self._import.spawner.spawn(*self._arguments(sources, out))
        child = RunningImport(process, self._outbox, self._context.drain, timeout_s=self._import.timeout_s)
        end, final_message = self._supervise(child)
        self._has_begun = child.has_begun
        if child.is_too_slow:
            return self._reject(DatasetRejectedError.code, _TOO_SLOW)
        if isinstance(final_message, DatasetWritten) and end.outcome is Outcome.SUCCEEDED:
            return self._store_dataset(final_message.record, out)
        if end.error_code == UnexpectedDatasetError.code:
            return self._reject(DatasetNameTakenError.code, str(DatasetNameTakenError(self._claimed.name)))
        if end.error_code == StorageError.code:  # of the worker, not of the zip: another attempt may succeed
            end = AttemptEnd(Outcome.CRASHED, end.message)
        return self._ending.end_without_result(end)

    def _renew_child(self, deadline: float, flags: Flags) -> None:
        self._is_cancelled = flags.cancel
        super()._renew_child(deadline, flags)

    def _check_wanted(self) -> None:
        """Return if this attempt shall go on, while no process runs that could be told."""
        if self._is_lost:
            raise _NotWantedError(Outcome.LEASE_LOST)
        if self._is_cancelled:
            raise _NotWantedError(Outcome.CANCELLED)
        if self._context.drain.is_requested:
            raise _NotWantedError(Outcome.DRAINED)
        if time.monotonic() > self._fetch_ends_at:
            raise SourceRejectedError(_FETCH_TOO_SLOW)

    def _arguments(self, sources: list[str], out: Path) -> list[str]:
        expected = self._claimed.expected_id
        return [
            *(*sources, "--out", str(out), "--name", self._claimed.name),
            *(("--expected-id", expected) if expected else ()),
            *("--options", self._claimed.options.model_dump_json(exclude_none=True)),
        ]

    def _store_dataset(self, record: DatasetRecord, out: Path) -> Outcome:
        """Put the dataset into storage, its record last; then end the import, which registers the dataset."""
        dataset_id = record.facts.id
        try:
            self._ending.retry(
                lambda: self._store.note_dataset(self._claimed.item_id, self._attempt_id, dataset_id)
            )
        except DatasetBeingDeletedError as error:
            finish_dataset_deletions(DatasetRegistry(self._store.redis), self._storage, self._claimed.project)
            return self._ending.requeue(AttemptEnd(Outcome.CRASHED, str(error)))
        self._put_missing(dataset_id, out)
        stored = update_record(record, self._storage)
        reach(Failpoint.IMPORT_STORED)
        entry = registered(
            with_facts(record, stored.facts),
            self._claimed.name,
            self._claimed.created_by,
            self._claimed.created_at,
            source=self._claimed.source,
            parent=self._claimed.parent,
            note=self._claimed.note,
        ).model_dump_json()
        try:
            self._ending.retry(
                lambda: self._store.succeed_import(self._claimed.item_id, self._attempt_id, dataset_id, entry)
            )
        except (DatasetNameTakenError, DatasetUnchangedError, ParentDeletedError) as error:
            return self._reject(error.code, str(error))
        except WrongStateError:  # it is being cancelled
            return self._ending.finish(AttemptEnd(Outcome.CANCELLED))
        reach(Failpoint.FINISH_RECORDED)
        return Outcome.SUCCEEDED

    def _put_missing(self, dataset_id: str, out: Path) -> None:
        folder = out / dataset_key(dataset_id, "")
        self._put_complete(dataset_id, [*folder.glob(THUMBNAILS_PATTERN), folder / INDEX_FILE])
        self._put(dataset_id, folder / GROUPS_FILE)
        self._put_complete(dataset_id, [folder / IMAGES_FILE, folder / RECORD_FILE])

    def _put_complete(self, dataset_id: str, files: Sequence[Path]) -> None:
        """Put files of which the last one is about the others, unless storage has the last one already.

        A dataset of an earlier release has a record and no index.
        """
        if not self._storage.exists(dataset_key(dataset_id, files[-1].name)):
            for file in files:
                self._put(dataset_id, file)

    def _put(self, dataset_id: str, file: Path) -> None:
        try:
            self._storage.put_file(dataset_key(dataset_id, file.name), file)
        except ObjectExistsError:
            # Two imports of the same images under different names may run at once: the first record is kept.
            if file.name == IMAGES_FILE:
                raise

    def _reject(self, code: str, message: str) -> Outcome:
        return self._ending.finish(AttemptEnd(Outcome.FAILED, message, code))
