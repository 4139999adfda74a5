"""The table of all keys in Redis. A key that ends in a colon is a prefix: an id or a name follows. Lua reads the table as `KEY`."""

JOB = "ninefold:job:"  # hash: the record of one job
ROWS = "ninefold:job_rows:"  # hash: epoch → metrics row
BESTS = "ninefold:job_bests:"  # hash: epoch → best epoch so far, for epochs that improved on it
LOGS = "ninefold:job_logs:"  # list: the last lines of the trainer's log
EVENTS = "ninefold:job_events:"  # stream: the events of one job
FEED = "ninefold:feed"  # stream: the events of all jobs

QUEUE = "ninefold:queue"  # sorted set: queued job → its number in the order of submission
WIDE = "ninefold:queue:wide"  # hash: queued job → devices, only of jobs that need more than one
NOT_BEFORE = "ninefold:queue:not_before"  # hash: queued job → Unix time before which it is not claimed
SUBMITTED = "ninefold:submitted"  # counter: the number of the last submitted job
ATTEMPT = "ninefold:attempt:"  # string: running attempt → job
IDEMPOTENCY = "ninefold:idempotency:"  # hash, named by the SHA-256 of caller and Idempotency-Key: body hash and first answer
FIRST_REPLIES = "ninefold:first_reply:"  # list: call of a script → its reply, kept for a minute
ENDED_CHECKPOINTS = (
    "ninefold:checkpoints:ended"  # set of ids: ended jobs whose checkpoints may still be stored
)

# Sorted sets of job ids, all with score 0: ids sort by time, so that a page is a range of ids.
JOBS = "ninefold:jobs"
JOBS_BY_STATUS = "ninefold:jobs:status:"
JOBS_BY_NAME = "ninefold:jobs:name:"
JOBS_BY_DATASET = "ninefold:jobs:dataset:"
JOBS_BY_TAG = "ninefold:jobs:tag:"

MODEL = "ninefold:model:"  # string: manifest
MODELS = "ninefold:models"  # sorted set of ids
MODELS_BY_NAME = "ninefold:models:name:"  # sorted set of ids
RETIRED_MODELS = "ninefold:models:retired"  # set of ids: models whose deletion has begun
VERSIONS = "ninefold:versions:"  # sorted set for each model name: model id → version
LAST_VERSIONS = "ninefold:versions"  # hash: name → highest version ever given
ALIASES = "ninefold:aliases:"  # hash for each model name: alias → version
ALIAS_HISTORY = "ninefold:alias_history:"  # list for each model name: the changes of its aliases
PRODUCTION_NAMES = "ninefold:production_names"  # set of names with a production model

DATASET = "ninefold:dataset:"  # string: record
DATASETS = "ninefold:datasets"  # sorted set: dataset id → its number in the order of arrival
DATASETS_ADDED = "ninefold:datasets:added"  # counter: the number of the last dataset
DATASET_NAMES = "ninefold:datasets:names"  # hash: name → id

WORKERS = "ninefold:workers"  # hash: worker id → its last heartbeat
WORKERS_EXPIRE = "ninefold:workers:expire"  # sorted set: worker id → time at which its heartbeat expires
CLAIMERS_EXPIRE = "ninefold:workers:claimers"  # the same, only of workers that claim jobs
CLAIMER_DEVICES = "ninefold:workers:devices"  # hash: worker id → number of its devices

UPKEEP_ROLES = "ninefold:upkeep:roles"  # hash: leader, deputy → the process that has the role, and how often it renewed the role

RESTORE = "ninefold:restore"  # hash: the backup whose restore began here last, and whether it is complete

WAKE_UPS = "ninefold"  # list: the Celery queue
PREFIX = "ninefold:"  # every key except the Celery queue begins with this
