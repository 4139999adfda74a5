"""The table of all keys in Redis. A key that ends in a colon is a prefix: an id or a name follows. Lua reads the table as `KEY`."""

ITEM = "ninefold:job:"  # hash: the record of one work item; a job is one
ROWS = (
    "ninefold:job_rows:"  # hash: epoch → metrics row; or `packed` → the whole history of an ended work item
)
BESTS = "ninefold:job_bests:"  # hash: epoch → best epoch so far, for epochs that improved on it
LOGS = "ninefold:job_logs:"  # list: the last lines of the log of a work item
EVENTS = "ninefold:job_events:"  # stream: the events of one work item, without its progress
FEED = "ninefold:feed"  # stream: the events of all work items

QUEUE = "ninefold:queue"  # sorted set: queued job → its place in the order
LIGHT_QUEUE = "ninefold:queue:light"  # the same for the lane `light`
WIDE = "ninefold:queue:wide"  # hash: queued item → devices, only of items that need more than one
NOT_BEFORE = "ninefold:queue:not_before"  # hash: queued item → Unix time before which it is not claimed
FITTING = (
    "ninefold:queue:fitting:"  # sorted set for each lane and number of devices: the queued items that are due
)
LATER = "ninefold:queue:later:"  # sorted set for each lane: queued item → Unix time before which it is not claimed
WAITING = "ninefold:waiting:"  # set for each import: ids of the jobs that wait for its dataset
SUBMITTED = "ninefold:submitted"  # counter: the number of the last submitted work item
ATTEMPT = "ninefold:attempt:"  # string: running attempt → work item
IDEMPOTENCY = "ninefold:idempotency:"  # hash, named by the SHA-256 of caller and Idempotency-Key: body hash and first answer
FIRST_REPLIES = "ninefold:first_reply:"  # list: call of a script → its reply, kept for a minute
UPLOADS = "ninefold:upload:"  # hash, kept for a day: an upload that arrives in parts, or has arrived
UPLOAD_PARTS = "ninefold:upload_parts:"  # list: the parts of such an upload that have arrived, in order
ENDED_CHECKPOINTS = (
    "ninefold:checkpoints:ended"  # set of ids: ended jobs whose checkpoints may still be stored
)

# Sorted sets of job ids, all with score 0: ids sort by time, so that a page is a range of ids.
JOBS = "ninefold:jobs"
JOBS_BY_STATUS = "ninefold:jobs:status:"
JOBS_BY_NAME = "ninefold:jobs:name:"
JOBS_BY_DATASET = "ninefold:jobs:dataset:"
JOBS_BY_TAG = "ninefold:jobs:tag:"

IMPORTS = "ninefold:imports"  # of the imports that have no dataset yet: they run, failed or were cancelled
IMPORTS_BY_STATUS = "ninefold:imports:status:"
ENDED_IMPORTS = (
    "ninefold:imports:ended"  # set of ids: ended imports whose upload and waiting jobs are not settled
)

EVALUATIONS = "ninefold:evaluations"  # sorted set of ids, all with score 0
EVALUATIONS_BY_STATUS = "ninefold:evaluations:status:"
EVALUATIONS_OF_MODEL = "ninefold:evaluations:model:"  # sorted set of ids for each model id

PREDICTIONS = "ninefold:predictions"  # sorted set of ids, all with score 0
PREDICTIONS_BY_STATUS = "ninefold:predictions:status:"
PREDICTIONS_OF_MODEL = "ninefold:predictions:model:"  # sorted set of ids for each model id

MODEL_IMPORTS = "ninefold:model_imports"  # sorted set of ids, all with score 0
MODEL_IMPORTS_BY_STATUS = "ninefold:model_imports:status:"

MODEL = "ninefold:model:"  # string: manifest
MODELS = "ninefold:models"  # sorted set of ids
MODELS_BY_NAME = "ninefold:models:name:"  # sorted set of ids
MODELS_BY_DATASET = "ninefold:models:dataset:"  # sorted set of ids for each dataset id
RETIRED_MODELS = "ninefold:models:retired"  # set of ids: models whose deletion has begun
VERSIONS = "ninefold:versions:"  # sorted set for each model name: model id → version
LAST_VERSIONS = "ninefold:versions"  # hash: name → highest version ever given
ALIASES = "ninefold:aliases:"  # hash for each model name: alias → version
ALIAS_HISTORY = "ninefold:alias_history:"  # list for each model name: the changes of its aliases
ALIAS_MIN_SCORES = "ninefold:alias_min_scores:"  # hash for each model name: alias → JSON object of the least score of each class
SHADOW = (
    "ninefold:shadow:"  # hash for each pair of models, kept for 30 days: counts of what the shadow answered
)
SHADOW_DISAGREEMENTS = (
    "ninefold:shadow_disagreements:"  # list for each pair of models, kept for 30 days: the newest ones first
)
SHADOW_IMAGES = (
    "ninefold:shadow_images:"  # list for each pair of models, kept for 30 days: the images in storage
)
REVIEWS = "ninefold:reviews"  # set of model names whose uncertain answers are kept for a review
REVIEW = "ninefold:review:"  # hash for each such name: settings, counts, and the dataset version that is being made
REVIEW_IMAGES = (
    "ninefold:review_images:"  # hash for each such name: id of an image → the image and its answer
)
REVIEW_LABELS = (
    "ninefold:review_labels:"  # hash for each such name: id of an image → the label that a person gave
)
REVIEW_WAITING = (
    "ninefold:review_waiting:"  # sorted set of ids for each such name: the images without a label
)
REVIEW_LABELLED = "ninefold:review_labelled:"  # the same: the images with a label
REVIEW_TAKEN = "ninefold:review_taken:"  # the same: the images of the dataset version that is being made
REVIEW_SEEN = "ninefold:review_seen:"  # sorted set for each such name: SHA-256 of an image → Unix time
PRODUCTION_NAMES = "ninefold:production_names"  # set of names with a production model

DATASET = "ninefold:dataset:"  # string: record
DATASETS = "ninefold:datasets"  # sorted set: dataset id → its number in the order of arrival
DATASETS_ADDED = "ninefold:datasets:added"  # counter: the number of the last dataset
DATASET_ENTRIES = (
    "ninefold:datasets:entries:"  # hash for each dataset that has several names: later name → record under it
)
DATASET_NAMES = "ninefold:datasets:names"  # hash: name → id of the dataset or of the import that will make it
DATASET_VERSIONS = "ninefold:dataset_versions:"  # sorted set for each dataset name that ever had two versions: dataset id → version
LAST_DATASET_VERSIONS = "ninefold:dataset_versions"  # hash: name → highest version ever given; of names that ever had two versions, or a deleted one
RETIRED_DATASETS = "ninefold:dataset_deletions"  # set of ids: datasets whose deletion has begun

WORKERS = "ninefold:workers"  # hash: worker id → its last heartbeat
WORKERS_EXPIRE = "ninefold:workers:expire"  # sorted set: worker id → time at which its heartbeat expires
CLAIMERS_EXPIRE = "ninefold:workers:claimers"  # the same, only of workers that claim jobs
LIGHT_CLAIMERS_EXPIRE = "ninefold:workers:claimers:light"  # the same, only of workers that claim light work
CLAIMER_DEVICES = "ninefold:workers:devices"  # hash: worker id → number of its devices
WORKER_LANES = "ninefold:workers:lanes"  # hash: worker id → its lanes; earlier releases serve jobs alone
LARGEST = (
    "ninefold:workers:largest:"  # string for each lane, kept for a second: devices of the largest live worker
)
NONE_IDLE = "ninefold:workers:none_idle:"  # string for each lane, kept for a second: no idle worker has this number of devices

PROJECTS = (
    "ninefold:projects"  # set of the projects, but the default one, that ever had a work item or a model
)
UPKEEP_ROLES = "ninefold:upkeep:roles"  # hash: leader, deputy → the process that has the role, and how often it renewed the role
PACKING_SINCE = (
    "ninefold:upkeep:packing_since"  # string: time at which a release that packs histories first ran here
)

RESTORE = "ninefold:restore"  # hash: the backup whose restore began here last, and whether it is complete

WAKE_UPS = "ninefold"  # list: the Celery queue of jobs
LIGHT_WAKE_UPS = "ninefold:wake_ups:light"  # list: the Celery queue of the lane `light`
PREFIX = "ninefold:"  # every key except the Celery queue of jobs begins with this
