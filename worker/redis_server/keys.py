"""Every key in Redis. A name that ends in a colon is followed by an id or a name; scripts see them as `KEY`."""

JOB = "ninefold:job:"  # hash: one job's record
ROWS = "ninefold:job_rows:"  # hash: epoch → metrics row
BESTS = "ninefold:job_bests:"  # hash: epoch → the best as it was found there
LOGS = "ninefold:job_logs:"  # list: the trainer's last lines
EVENTS = "ninefold:job_events:"  # stream: what happened to one job
FEED = "ninefold:feed"  # stream: what happened to all jobs

QUEUE = "ninefold:queue"  # sorted set: queued jobs by order of submission
WIDE = "ninefold:queue:wide"  # hash: queued job → devices, of jobs that need more than one
SUBMITTED = "ninefold:submitted"  # counter: that order
ATTEMPT = "ninefold:attempt:"  # string: live attempt → job
IDEMPOTENCY = "ninefold:idempotency:"  # hash: a caller's key → body hash and first answer

# Sorted sets of job ids, all with score 0: ids are in order of time, so a page is a range by id.
JOBS = "ninefold:jobs"
JOBS_BY_STATUS = "ninefold:jobs:status:"
JOBS_BY_NAME = "ninefold:jobs:name:"
JOBS_BY_DATASET = "ninefold:jobs:dataset:"
JOBS_BY_TAG = "ninefold:jobs:tag:"

MODEL = "ninefold:model:"  # string: manifest
MODELS = "ninefold:models"  # sorted set of ids
MODELS_BY_NAME = "ninefold:models:name:"  # sorted set of ids
RETIRED_MODELS = "ninefold:models:retired"  # set of ids: on their way out
VERSIONS = "ninefold:versions:"  # sorted set of one name's model ids by version
LAST_VERSIONS = "ninefold:versions"  # hash: name → highest version ever given
ALIASES = "ninefold:aliases:"  # hash of one name: alias → version
ALIAS_HISTORY = "ninefold:alias_history:"  # list of one name: who, when, from, to
PRODUCTION_NAMES = "ninefold:production_names"  # set of names with a production model

DATASET = "ninefold:dataset:"  # string: record
DATASETS = "ninefold:datasets"  # sorted set of ids by order of arrival
DATASETS_ADDED = "ninefold:datasets:added"  # counter: that order
DATASET_NAMES = "ninefold:datasets:names"  # hash: name → id

WORKERS = "ninefold:workers"  # hash: worker id → what it says of itself
WORKERS_EXPIRE = "ninefold:workers:expire"  # sorted set: worker id by when it is no longer believed
CLAIMERS_EXPIRE = "ninefold:workers:claimers"  # the same, of those that claim jobs
CLAIMER_DEVICES = "ninefold:workers:devices"  # hash: worker id → how many devices it has

BELL = "ninefold"  # list: the Celery queue
OURS = "ninefold:"  # how every key but the bell begins
