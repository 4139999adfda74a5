"""Ids are unique and sort in the order in which they were made."""

import re
from concurrent.futures import ThreadPoolExecutor

from worker.queue.ids import new_attempt_id, new_job_id, new_model_id


def test_ids_are_unique_and_sort_by_age() -> None:
    ids = [new_job_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_of_many_threads_are_unique() -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: new_job_id(), range(10_000)))
    assert len(set(ids)) == len(ids)


def test_each_kind_has_its_prefix() -> None:
    for make, prefix in ((new_job_id, "job"), (new_model_id, "mdl"), (new_attempt_id, "att")):
        assert re.fullmatch(prefix + "_[0-9a-hjkmnp-tv-z]{26}", make())
