"""A worker that dies between two files of a dataset: the next attempt stores the others, and nothing is left over."""

from itertools import count
from pathlib import Path

import pytest

from model.data.record import read_record
from model.data.report.index_file import INDEX_FILE
from model.data.report.reading import ImageFilter, open_index
from model.host.failpoints import Failpoint
from tests.model.pictures import two_classes
from tests.stored import stored_path
from tests.worker.kinds.dataset_import.uploads import FILES, storage_of, submit_upload
from tests.worker.worker_context import acting_at, open_import_context, run_next
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.registry.datasets import DatasetRegistry


class _DeathError(Exception):
    """Raised where the worker dies."""


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(stored, marks=() if stored in (1, len(FILES)) else (pytest.mark.chaos,))
        for stored in range(1, len(FILES) + 1)
    ],
)
def test_an_import_that_died_between_two_files_is_repeated(
    store: JobStore, tmp_path: Path, stored: int
) -> None:
    import_id = submit_upload(store, tmp_path, two_classes(6))
    puts = count(1)

    def die() -> None:
        if next(puts) == stored:
            raise _DeathError

    storage = storage_of(tmp_path)
    with open_import_context(store, tmp_path) as context:
        with acting_at(Failpoint.PUT_DURABLE, die), pytest.raises(_DeathError):
            run_next(context)
        assert len(storage.list("datasets/")) == stored
        assert DatasetRegistry(store.redis).list_datasets().datasets == []
        [lease] = store.watch().leases
        store.reap(import_id, lease.attempt_id, lease.renewals)
        assert run_next(context).outcome is Outcome.SUCCEEDED
    dataset_id = DatasetRegistry(store.redis).get("pets").facts.id
    names = [key.rpartition("/")[2] for key in storage.list()]
    assert all(Path(name).match(pattern) for name, pattern in zip(names, FILES, strict=True))
    assert read_record(dataset_id, storage).images == 12
    with open_index(stored_path(storage, f"datasets/{dataset_id}/{INDEX_FILE}")) as index:
        images = index.page(ImageFilter(), "", 100)
    pack = f"datasets/{dataset_id}/{images[0].thumbnails_file}"
    assert len(storage.read_bytes(pack)) == sum(image.thumbnail.length for image in images)
    assert list((tmp_path / "storage" / ".tmp").iterdir()) == []
