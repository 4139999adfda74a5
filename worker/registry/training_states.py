"""The last training states of succeeded jobs, from which other jobs may continue: where they are, and how long they stay.

A state is as large as a checkpoint: weights, momentum, average and best weights, four times the size of the model.
"""

import time

from model.storage.interface import Storage

STATES = "states"


def states_folder(job_id: str) -> str:
    """Return the folder of the states of all attempts of a job."""
    return f"{STATES}/{job_id}"


def state_folder(job_id: str, model_id: str) -> str:
    """Return the folder of the state of the attempt that made a model."""
    return f"{states_folder(job_id)}/{model_id}"


def state_prefix(job_id: str, model_id: str) -> str:
    """Return how the key of the state begins; the rest is its hash."""
    return f"{state_folder(job_id, model_id)}/state"


def find_state(storage: Storage, job_id: str, model_id: str) -> str | None:
    """Return the key of the state of the training of a model; None when it is not kept."""
    keys = storage.list(f"{state_folder(job_id, model_id)}/")
    return keys[0] if keys else None


def delete_other_states(storage: Storage, job_id: str, model_id: str | None) -> None:
    """Delete the states of a job's attempts, but not that of the published model, if there is one."""
    kept = model_id and f"{state_folder(job_id, model_id)}/"
    for key in storage.list(f"{states_folder(job_id)}/"):
        if not (kept and key.startswith(kept)):
            storage.delete(key)


def delete_old_states(storage: Storage, most: int, days: float) -> list[str]:
    """Delete the states of all jobs but the newest `most`, and those that are older than `days`; return their folders."""
    oldest = time.time() - days * 86_400
    newest_first = sorted(storage.folders(STATES), key=lambda folder: folder.changed_at, reverse=True)
    old = [folder for place, folder in enumerate(newest_first) if place >= most or folder.changed_at < oldest]
    for folder in old:
        storage.delete(folder.key)
    return [folder.key for folder in old]
