"""Makes the files of a model that follow from the stored ones: card, script and pictures. Knows no HTTP."""

from collections.abc import Sequence

from api.records.jobs import JobReader
from api.records.storages import Storages
from model.artifact.manifest import Manifest
from model.bundle.curves import Epoch
from model.bundle.derived import Sources, derived_files
from model.bundle.epochs import MOST_EPOCHS, read_epochs
from model.bundle.names import EPOCHS_FILE
from model.errors import NoEvaluationError
from model.evaluation.evaluation import Evaluation
from model.evaluation.stored_evaluation import read_evaluation
from model.storage.interface import Storage
from worker.errors import JobNotFoundError

_TIMEOUT_S = 30.0


class DerivedFiles:
    """Makes the derived files of models."""

    def __init__(self, storages: Storages, jobs: JobReader) -> None:
        self._storages = storages
        self._jobs = jobs

    async def of(self, manifest: Manifest, project: str) -> dict[str, bytes]:
        """Return the files by name.

        Raises:
            CorruptArtifactError: a stored file is damaged.
            StorageError: storage cannot be read.
        """
        epochs = await self._epochs_of_job(manifest, project)
        return await self._storages.run_within(
            _TIMEOUT_S, _derive, self._storages.of(project), manifest, epochs
        )

    async def _epochs_of_job(self, manifest: Manifest, project: str) -> Sequence[Epoch]:
        """Return the epochs of a model that an earlier release stored without them; none if its job is gone."""
        if EPOCHS_FILE in manifest.files or manifest.job_id is None:
            return []
        try:
            return await self._jobs.rows(manifest.job_id, project, 0, MOST_EPOCHS)
        except JobNotFoundError:
            return []


def _derive(storage: Storage, manifest: Manifest, epochs_of_job: Sequence[Epoch]) -> dict[str, bytes]:
    epochs = read_epochs(storage, manifest) or epochs_of_job
    return derived_files(Sources(manifest, _evaluation(storage, manifest), epochs))


def _evaluation(storage: Storage, manifest: Manifest) -> Evaluation | None:
    try:
        return read_evaluation(storage, manifest)
    except NoEvaluationError:
        return None
