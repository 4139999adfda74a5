"""Which keys in Redis belong to each kind of work and to each lane. Sends nothing itself."""

from collections.abc import Mapping

from worker.queue.kinds import Kind, Lane
from worker.redis_server import keys as redis_keys

LISTS: Mapping[Kind, str] = {
    Kind.TRAINING: redis_keys.JOBS,
    Kind.DATASET_IMPORT: redis_keys.IMPORTS,
    Kind.EVALUATION: redis_keys.EVALUATIONS,
    Kind.MODEL_IMPORT: redis_keys.MODEL_IMPORTS,
    Kind.BATCH_PREDICTION: redis_keys.PREDICTIONS,
}
"""Ids of the items that are listed."""
BY_STATUS: Mapping[Kind, str] = {
    Kind.TRAINING: redis_keys.JOBS_BY_STATUS,
    Kind.DATASET_IMPORT: redis_keys.IMPORTS_BY_STATUS,
    Kind.EVALUATION: redis_keys.EVALUATIONS_BY_STATUS,
    Kind.MODEL_IMPORT: redis_keys.MODEL_IMPORTS_BY_STATUS,
    Kind.BATCH_PREDICTION: redis_keys.PREDICTIONS_BY_STATUS,
}
"""Ids of the items with a status, which follows the prefix."""
QUEUES: Mapping[Lane, str] = {
    Lane.TRAINING: redis_keys.QUEUE,
    Lane.LIGHT: redis_keys.LIGHT_QUEUE,
}
"""Queued items in order."""
WAKE_UPS: Mapping[Lane, str] = {
    Lane.TRAINING: redis_keys.WAKE_UPS,
    Lane.LIGHT: redis_keys.LIGHT_WAKE_UPS,
}
"""The Celery queues."""
CLAIMERS: Mapping[Lane, str] = {
    Lane.TRAINING: redis_keys.CLAIMERS_EXPIRE,
    Lane.LIGHT: redis_keys.LIGHT_CLAIMERS_EXPIRE,
}
"""The live workers that claim items."""
