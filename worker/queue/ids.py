"""Ids: opaque, with a prefix, and sorted by time, so that a list sorted by id is a list sorted by age.

Also the keys of objects in storage that are named by the id of a work item.
"""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_RANDOM_BITS = 80
JOB_PREFIX = "job_"
IMPORT_PREFIX = "imp_"
EVALUATION_PREFIX = "evl_"
MODEL_IMPORT_PREFIX = "mim_"
PREDICTION_PREFIX = "prd_"

_lock = threading.Lock()
_last = 0


def _next_number() -> int:
    """Return 48 bits of milliseconds followed by 80 random bits; each number of a process is greater than the last."""
    global _last  # noqa: PLW0603  # ids made within one millisecond must still keep their order
    fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    with _lock:
        _last = max(fresh, _last + 1)
        return _last


def _new_id(prefix: str) -> str:
    number = _next_number()
    return prefix + "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))


def new_job_id() -> str:
    """Make the id of a job."""
    return _new_id(JOB_PREFIX)


def new_model_id() -> str:
    """Make the id of a model; each attempt has its own."""
    return _new_id("mdl_")


def new_attempt_id() -> str:
    """Make the id of an attempt: the fence, which every write of the attempt names."""
    return _new_id("att_")


def new_import_id() -> str:
    """Make the id of a dataset import, by which the dataset is known until its images are read."""
    return _new_id(IMPORT_PREFIX)


def new_evaluation_id() -> str:
    """Make the id of an evaluation of a published model."""
    return _new_id(EVALUATION_PREFIX)


def new_disagreement_id() -> str:
    """Make the id of an image for which a shadow gave another label than production."""
    return _new_id("dis_")


def new_review_id() -> str:
    """Make the id of an image that a person shall review."""
    return _new_id("rev_")


def new_model_import_id() -> str:
    """Make the id of the import of a model."""
    return _new_id(MODEL_IMPORT_PREFIX)


def new_prediction_id() -> str:
    """Make the id of a batch prediction."""
    return _new_id(PREDICTION_PREFIX)


def evaluation_file(evaluation_id: str, file: str) -> str:
    """Return the name of a file of an evaluation among the files of its model."""
    return f"evaluations/{evaluation_id}/{file}"


def checkpoint_address(job_id: str, key: str) -> str:
    """Return the name by which the predictor knows a checkpoint, as it knows a model by its id: without a slash."""
    return f"{job_id}:{key.removeprefix(checkpoints_prefix(job_id) + '/').replace('/', ':')}"


def parse_checkpoint_address(address: str) -> tuple[str, str]:
    """Return the job and the storage key of a checkpoint."""
    job_id, _, position = address.partition(":")
    return job_id, f"{checkpoints_prefix(job_id)}/{position.replace(':', '/')}"


def checkpoints_prefix(job_id: str) -> str:
    """Return the storage prefix of the checkpoints of all attempts of a job."""
    return f"checkpoints/{job_id}"


def upload_key(import_id: str) -> str:
    """Return the storage key of the zip that an import reads."""
    return f"uploads/{import_id}.zip"


def parts_folder(import_id: str) -> str:
    """Return the storage folder of a zip that arrived in parts."""
    return f"uploads/{import_id}"


def new_part_key(upload_id: str, offset: int) -> str:
    """Make the key of one part, which no other part has, even one of the same place in the upload."""
    return f"{parts_folder(upload_id)}/{offset:013d}-{secrets.token_hex(8)}"
