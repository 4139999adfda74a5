"""Whether the last training state of a job is kept, from which another job may continue. Knows no HTTP."""

from api.jobs.errors import TrainingStateGoneError
from api.records.storages import Storages
from worker.registry.training_states import find_state


class TrainingStates:
    """The training states in the storages of all projects."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages

    async def require(self, job_id: str, model_id: str, project: str) -> None:
        """Do nothing if the state of the training that made this model is kept; raises TrainingStateGoneError if not."""
        storage = self._storages.of(project)
        if await self._storages.run(find_state, storage, job_id, model_id) is None:
            raise TrainingStateGoneError(job_id, model_id)
