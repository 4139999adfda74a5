"""What the records refer to in storage. A backup copies only that, and garbage collection deletes the rest."""

from dataclasses import dataclass, field

from worker.redis_server import keys as redis_keys
from worker.upkeep.records import HashRecord, Record, SortedSetRecord, StringRecord


@dataclass
class References:
    """Ids by kind; each id names a folder in storage."""

    unfinished: set[str] = field(default_factory=set)
    """Work items that have not finished."""
    models: set[str] = field(default_factory=set)
    """Published models, and models past their commit point."""
    datasets: set[str] = field(default_factory=set)
    uploads: set[str] = field(default_factory=set)
    """Keys of the zips that unfinished imports read."""

    def add(self, record: Record) -> None:
        """Add what a record of a backup refers to."""
        if isinstance(record, StringRecord) and record.key.startswith(redis_keys.MODEL):
            self.models.add(record.key.removeprefix(redis_keys.MODEL))
        elif record.key == redis_keys.DATASETS and isinstance(record, SortedSetRecord):
            self.datasets.update(record.value)
        elif isinstance(record, HashRecord) and record.is_item and not record.is_finished:
            self._add_unfinished(record)

    def _add_unfinished(self, record: HashRecord) -> None:
        """Add what the fields name, whatever the kind: an item of a later kind may have some of them too."""
        item = record.value
        self.unfinished.add(item["id"])
        if "upload" in item:
            self.uploads.add(item["upload"])
        if "dataset" in item:
            self.datasets.add(item["dataset"])
        if "manifest" in item and "model_id" in item:
            self.models.add(item["model_id"])

    def is_needed(self, key: str) -> bool:
        """True if the records refer to this object, or if it is an archived job, which is a record itself."""
        kind, owner, *_ = [*key.split("/"), ""]
        match kind:
            case "models":
                return owner in self.models
            case "datasets":
                return owner in self.datasets
            case "checkpoints":
                return owner in self.unfinished
            case "uploads":
                return key in self.uploads
        return kind == "archive"
