"""Finds the built-in dataset from which a dataset comes: its licence is known."""

from redis import Redis

from worker.errors import DatasetNotFoundError
from worker.registry.datasets import DatasetRegistry

_SCHEME = "built-in://"
_MOST_VERSIONS = 1000


def find_origin(redis: Redis, dataset_id: str, project: str) -> str | None:
    """Return the name of the built-in dataset of which a dataset is a copy, or a version of a copy.

    None for all others, and where a version in between was deleted.
    """
    datasets = DatasetRegistry(redis)
    parent: str | None = dataset_id
    for _ in range(_MOST_VERSIONS):
        if parent is None:
            break
        try:
            dataset = datasets.get(parent, project)
        except DatasetNotFoundError:
            break
        if dataset.source and dataset.source.startswith(_SCHEME):
            return dataset.source.removeprefix(_SCHEME)
        parent = dataset.parent
    return None
