"""A backup has the rows of batch predictions, and the zips of those that have not ended."""

from model.batch_prediction.rows import rows_key
from tests.worker.imported import claim_import
from tests.worker.upkeep.backup.service import Service
from tests.worker.upkeep.batches import RESULT, make_batches
from worker.queue.ids import upload_key
from worker.queue.states import Status


def test_rows_are_restored_and_batches_that_have_not_ended_go_on(old: Service, new: Service) -> None:
    ids = make_batches(old.store, lambda key: old.storage.put_bytes(key, b"12345"))
    assert new.restore(old.back_up()) == []
    assert new.storage.list("predictions/") == sorted(
        rows_key(ids[state], 0) for state in ("succeeded", "running")
    )
    assert new.storage.list("uploads/") == sorted(upload_key(ids[state]) for state in ("running", "queued"))
    succeeded = new.store.get_prediction(ids["succeeded"])
    assert (succeeded.status, succeeded.result) == (Status.SUCCEEDED, RESULT)
    assert [one.id for one in new.store.list_predictions()] == sorted(ids.values(), reverse=True)
    assert claim_import(new.store)[0] == ids["queued"]
    assert new.store.get_prediction(ids["running"]).status is Status.RUNNING  # until its lease ends
