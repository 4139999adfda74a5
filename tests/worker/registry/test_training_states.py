"""Which training states are kept, and what deletes them."""

import json
import os
import time
from pathlib import Path

import pytest

from model.artifact.manifest import MANIFEST_FILE, model_key
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.worker.samples import draft
from worker.registry.deletion import delete_model_files
from worker.registry.training_states import (
    delete_old_states,
    delete_other_states,
    find_state,
    state_prefix,
)

DAY_S = 86_400


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


def keep(storage: Storage, tmp_path: Path, job: str, model: str, age_s: float = 0) -> str:
    key = f"{state_prefix(job, model)}-0.safetensors"
    storage.put_bytes(key, b"state")
    path = tmp_path / "storage" / key
    for part in (path, path.parent, path.parent.parent):
        os.utime(part, (time.time() - age_s,) * 2)
    return key


def test_the_newest_states_are_kept_for_some_days(storage: Storage, tmp_path: Path) -> None:
    keys = {age: keep(storage, tmp_path, f"job_{age}", "mdl_1", age * DAY_S) for age in (0, 1, 2, 5, 9)}
    assert delete_old_states(storage, 3, 8.0) == ["states/job_5", "states/job_9"]
    assert delete_old_states(storage, 3, 1.5) == ["states/job_2"]
    assert delete_old_states(storage, 3, 1.5) == []
    assert storage.list("states/") == [keys[0], keys[1]]
    assert delete_old_states(storage, 0, 1.5) == ["states/job_0", "states/job_1"]


def test_only_the_state_of_the_published_model_stays(storage: Storage, tmp_path: Path) -> None:
    published = keep(storage, tmp_path, "job_1", "mdl_2")
    keep(storage, tmp_path, "job_1", "mdl_1")
    delete_other_states(storage, "job_1", "mdl_2")
    assert storage.list("states/") == [published]
    assert find_state(storage, "job_1", "mdl_2") == published
    delete_other_states(storage, "job_1", None)
    assert find_state(storage, "job_1", "mdl_2") is None


def test_the_weights_in_a_state_are_deleted_with_the_model(storage: Storage, tmp_path: Path) -> None:
    keep(storage, tmp_path, "job_1", "mdl_1")
    other = keep(storage, tmp_path, "job_2", "mdl_2")
    manifest = draft("mdl_1") | {"version": 1, "job_id": "job_1"}
    manifest["dataset"]["content_hash"] = "0" * 64
    storage.put_bytes(model_key("mdl_1", MANIFEST_FILE), json.dumps(manifest).encode())
    delete_model_files(storage, "mdl_1")
    assert storage.list() == [other]
