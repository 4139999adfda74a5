"""The rules for imports, their datasets, and the jobs that wait for them. Each yields its violations."""

from collections.abc import Callable, Iterator

from model.data.record import IMAGES_FILE, RECORD_FILE
from model.data.report.index_file import INDEX_FILE
from tests.chaos.history.run_history import RunHistory
from worker.queue.states import TERMINAL, Status


def an_import_makes_one_complete_dataset(run: RunHistory) -> Iterator[str]:
    has_versions = {
        one["name"] for one in run.imports.values() if one["parent"] and one["status"] == Status.SUCCEEDED
    }
    for import_id, one in run.imports.items():
        if one["status"] != Status.SUCCEEDED or (one["name"] in has_versions and not one["parent"]):
            continue  # the name finds the next version
        named = run.named[one["name"]]
        found, dataset_id = named["dataset"], one["result"]["dataset_id"]
        if not found or (found["id"], found["status"]) != (dataset_id, "ready"):
            yield f"{import_id} made {dataset_id}, and its name finds {found}"
        elif set(named["files"]) != {IMAGES_FILE, INDEX_FILE, RECORD_FILE}:
            yield f"{dataset_id} is ready, and storage has only {named['files']} of it"
        if (listed := run.listed[dataset_id]) != ["ready"]:
            yield f"{dataset_id} is listed as {listed}"


def an_import_without_success_makes_no_dataset(run: RunHistory) -> Iterator[str]:
    for import_id, one in run.imports.items():
        if one["status"] not in (Status.FAILED, Status.CANCELLED):
            continue
        if found := run.named[one["name"]]["dataset"]:
            yield f"{import_id} is {one['status']}, and its name finds {found}"
        expected = "rejected" if one["status"] == Status.FAILED else "cancelled"
        if (listed := run.listed[import_id]) != [expected]:
            yield f"{import_id} is {one['status']}, and is listed as {listed}"


def a_ready_dataset_is_announced_once(run: RunHistory) -> Iterator[str]:
    for import_id, one in run.imports.items():
        told = [event["event"] for event in run.replayed[import_id]].count("dataset")
        if one["status"] in TERMINAL and told != (one["status"] == Status.SUCCEEDED):
            yield f"{import_id} is {one['status']} and announced a dataset {told} times"


def nothing_is_left_of_an_ended_import(run: RunHistory) -> Iterator[str]:
    for import_id, one in run.imports.items():
        final = run.finals[import_id]
        if one["status"] in TERMINAL and (final["has_upload"] or final["waiting"] or not final["is_settled"]):
            left = {fact: final[fact] for fact in ("has_upload", "waiting", "is_settled")}
            yield f"{import_id} is {one['status']}, and {left}"


def a_waiting_job_follows_its_dataset(run: RunHistory) -> Iterator[str]:
    imports = {one["name"]: one for one in run.imports.values()}
    for entry in run.accepted:
        one, job = imports.get(entry["dataset"]), run.jobs.get(entry["item_id"])
        if one is None or job is None or job["status"] == Status.CANCELLED:
            continue
        was_refused = job["error"] is not None and job["error"]["code"] == "dataset_rejected"
        if was_refused == (one["status"] == Status.SUCCEEDED):
            yield f"{job['id']} is {job['status']}, and the import of its dataset {one['status']}"
        if was_refused and job["attempts"]:
            yield f"{job['id']} ran without its dataset"


IMPORT_RULES: tuple[Callable[[RunHistory], Iterator[str]], ...] = (
    an_import_makes_one_complete_dataset,
    an_import_without_success_makes_no_dataset,
    a_ready_dataset_is_announced_once,
    nothing_is_left_of_an_ended_import,
    a_waiting_job_follows_its_dataset,
)
