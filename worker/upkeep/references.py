"""What the records refer to in storage. A backup copies only that, and garbage collection deletes the rest."""

from dataclasses import dataclass, field

from model.batch_prediction.rows import FOLDER as PREDICTIONS
from worker.queue.kinds import Kind
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import object_key, parse_object_key, unscoped
from worker.registry.review.records import REVIEWS_FOLDER
from worker.upkeep.records import HashRecord, Record, SortedSetRecord, StringRecord

_WITHOUT_ROWS = (Status.FAILED, Status.CANCELLED)
"""A batch prediction that ended so has nothing in storage."""


@dataclass
class References:
    """The folders in storage, or single objects, to which records refer."""

    needed: set[str] = field(default_factory=set)
    """Each is a kind and an id, such as `models/mdl_…`, behind the folder of the project."""

    def add(self, record: Record) -> None:
        """Add what a record of a backup refers to."""
        project, key = unscoped(record.key)
        if isinstance(record, StringRecord) and key.startswith(redis_keys.MODEL):
            self._add(project, "models", key.removeprefix(redis_keys.MODEL))
        elif key == redis_keys.DATASETS and isinstance(record, SortedSetRecord):
            for dataset_id in record.value:
                self._add(project, "datasets", dataset_id)
        elif key.startswith(redis_keys.REVIEW_IMAGES):
            self._add(project, REVIEWS_FOLDER, key.removeprefix(redis_keys.REVIEW_IMAGES))
        elif isinstance(record, HashRecord) and record.is_item:
            if record.kind is Kind.BATCH_PREDICTION and record.value["status"] not in _WITHOUT_ROWS:
                self._add(record.project, PREDICTIONS, record.value["id"])
            if not record.is_finished:
                self._add_unfinished(record.value, record.project)

    def _add_unfinished(self, item: dict[str, str], project: str) -> None:
        """Add what the fields name, whatever the kind: an item of a later kind may have some of them too."""
        self._add(project, "checkpoints", item["id"])
        if "upload" in item:
            self.needed.add(object_key(item["upload"], project))
        if "dataset" in item:
            self._add(project, "datasets", item["dataset"])
        if "manifest" in item and "model_id" in item:
            self._add(project, "models", item["model_id"])

    def _add(self, project: str, kind: str, owner: str) -> None:
        self.needed.add(object_key(f"{kind}/{owner}", project))

    def is_needed(self, key: str) -> bool:
        """True if the records refer to this object, or if it is an archived job, which is a record itself."""
        project, own = parse_object_key(key)
        kind, owner, *_ = [*own.split("/"), ""]
        return kind == "archive" or object_key(f"{kind}/{owner}", project) in self.needed
