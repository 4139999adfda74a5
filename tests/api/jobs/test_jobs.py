"""/jobs over real HTTP and a real Redis."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import httpx
import redis

from api.jobs.submission import _hash
from api.settings import ApiSettings
from model.recipes.recipe import Recipe
from model.spec import JobSpec
from model.storage.local import TEMPORARY_FOLDER
from model.storage.opening import open_storage
from tests.api.attempts import DIGITS, claim, submit
from tests.api.problems import problem_in
from tests.worker.processes import wait_until
from tests.worker.samples import draft
from worker.queue.attempt_messages import Report
from worker.queue.ids import checkpoints_prefix
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server.keys import WAKE_UPS

HASH_OF_DIGITS = "25817ce3e60357d89a01af78ee860fc1c115f02d60f338677fd9dcbceaf069bd"


def test_a_job_is_accepted_and_fields_that_were_left_out_are_chosen(client: httpx.Client) -> None:
    response = client.post("/jobs", json={"dataset": "digits", "epochs": 3, "tags": ["night"]})
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/jobs/{job['id']}" == job["links"]["self"]
    assert (job["object"], job["status"], job["name"]) == ("job", "queued", "digits")
    assert (job["spec"]["epochs"], job["spec"]["image_size"], job["tags"]) == (3, 16, ["night"])
    assert (job["queue_position"], job["queued_reason"]) == (1, "no_worker")
    assert job["created_by"] == "anonymous"
    assert client.get(response.headers["location"]).json() == job


def test_a_job_shows_its_recipe_with_all_settings(client: httpx.Client) -> None:
    posted = {"dataset": "digits", "recipe": "fast", "epochs": 3, "label_smoothing": 0.125}
    job = client.post("/jobs", json=posted).json()
    recipe = job["recipe"]
    assert set(recipe) == {"name", "ninefold_version", "settings", "digest"}
    assert set(recipe["settings"]) == {setting.name for setting in fields(Recipe)}
    settings = recipe["settings"]
    assert (recipe["name"], settings["epochs"], settings["label_smoothing"]) == ("fast", 3, 0.125)
    assert settings["resize_schedule"][-1] == [0.7, 1.0]
    assert client.get(f"/jobs/{job['id']}").json()["recipe"] == recipe
    assert client.post("/jobs?dry_run=true", json=posted).json()["recipe"] == recipe
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["ResolvedRecipe"]["properties"]) == set(recipe)


def test_a_submission_sends_a_wake_up(client: httpx.Client, redis_client: redis.Redis) -> None:
    submit(client)
    wait_until(lambda: redis_client.llen(WAKE_UPS))


def test_a_dry_run_creates_nothing(client: httpx.Client) -> None:
    response = client.post("/jobs?dry_run=true", json=DIGITS | {"image_size": 64})
    assert response.status_code == 200
    assert response.json()["spec"]["image_size"] == 64
    assert any("64 px" in warning for warning in response.json()["warnings"])
    assert client.get("/jobs").json() == {"object": "list", "data": [], "has_more": False}


def test_more_devices_than_the_batch_can_be_divided_among_are_refused(client: httpx.Client) -> None:
    posted = client.post("/jobs", json=DIGITS | {"gpus": 16, "batch_size": 8})
    problem = problem_in(posted, 422, "invalid_request")
    assert problem["errors"][0]["param"] == "gpus"
    assert "larger batch_size" in problem["errors"][0]["message"]


def test_patience_is_shown_in_the_spec_and_needs_validation_images(client: httpx.Client) -> None:
    job = client.get(f"/jobs/{submit(client, patience=5)}").json()
    assert job["spec"]["patience"] == 5
    posted = client.post("/jobs", json=DIGITS | {"patience": 5, "validation_fraction": 0})
    problem = problem_in(posted, 422, "invalid_request")
    assert problem["errors"][0]["param"] == "patience"
    assert "raise validation_fraction" in problem["errors"][0]["message"]


def test_an_unknown_dataset_is_refused_with_a_list_of_known_datasets(client: httpx.Client) -> None:
    problem = problem_in(client.post("/jobs", json={"dataset": "dogs<&"}), 422, "dataset_not_found")
    assert problem["errors"][0]["param"] == "dataset"
    assert "digits" in problem["detail"]
    assert "dogs" not in problem["detail"]


def test_fifty_requests_with_the_same_idempotency_key_make_one_job(client: httpx.Client) -> None:
    def post(_: int) -> httpx.Response:
        return client.post("/jobs", json=DIGITS, headers={"Idempotency-Key": "k1"})

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(post, range(50)))
    assert {response.status_code for response in responses} == {202}
    assert len({response.text for response in responses}) == 1
    assert len(client.get("/jobs").json()["data"]) == 1


def test_a_body_that_only_spells_out_defaults_asks_for_the_same_job(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    spelled_out: dict[str, object] = DIGITS | {"priority": 0, "seed": 0, "tags": [], "epochs": None}
    first, second = (
        client.post("/jobs", json=body, headers=headers).json() for body in (DIGITS, spelled_out)
    )
    assert first["id"] == second["id"]
    problem_in(
        client.post("/jobs", json=DIGITS | {"priority": 1}, headers=headers), 422, "idempotency_mismatch"
    )


def test_the_hash_of_a_body_is_that_of_the_first_release() -> None:
    # Fields of later releases may not change the hash of a body without them: a request may be repeated to either.
    assert _hash(JobSpec(dataset="digits")) == HASH_OF_DIGITS


def test_an_idempotency_key_with_another_body_is_refused(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    client.post("/jobs", json=DIGITS, headers=headers)
    other = client.post("/jobs", json=DIGITS | {"epochs": 7}, headers=headers)
    problem_in(other, 422, "idempotency_mismatch")


def test_pages_are_newest_first_and_filtered(client: httpx.Client) -> None:
    ids = [submit(client, name=name, tags=[name]) for name in ("a", "b", "a", "a")]
    first = client.get("/jobs?limit=3").json()
    assert [job["id"] for job in first["data"]] == ids[:0:-1]
    assert first["has_more"]
    rest = client.get("/jobs", params={"limit": 3, "after": first["data"][-1]["id"]}).json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    for query in ("name=b", "tag=b", "status=queued&name=b", "dataset=digits&tag=b"):
        assert [job["id"] for job in client.get(f"/jobs?{query}").json()["data"]] == [ids[1]]
    assert client.get("/jobs?status=running").json()["data"] == []


def test_cancel_and_delete(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    problem_in(client.delete(f"/jobs/{job_id}"), 409, "wrong_state")
    for _ in range(2):
        cancelled = client.post(f"/jobs/{job_id}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert client.delete(f"/jobs/{job_id}").status_code == 204
    problem_in(client.get(f"/jobs/{job_id}"), 404, "job_not_found")

    failed_id = submit(client)
    claim(store).fail()
    problem_in(client.post(f"/jobs/{failed_id}/cancel"), 409, "wrong_state")
    assert client.get(f"/jobs/{failed_id}").json()["error"]["code"] == "training_diverged"


def test_an_interrupted_deletion_can_be_repeated(
    client: httpx.Client, settings: ApiSettings, store: JobStore
) -> None:
    storage = open_storage(settings.storage)
    job_id = submit(client)
    checkpoint = f"{checkpoints_prefix(job_id)}/1.safetensors"
    storage.put_bytes(checkpoint, b"weights")
    problem_in(client.delete(f"/jobs/{job_id}"), 409, "wrong_state")
    assert storage.exists(checkpoint)
    store.cancel(job_id)
    temporary = Path(settings.storage.removeprefix("file://"), TEMPORARY_FOLDER)
    temporary.rename(temporary.with_name("aside"))
    temporary.write_text("storage cannot delete while this is a file")
    assert client.delete(f"/jobs/{job_id}").status_code >= 500
    temporary.unlink()
    temporary.with_name("aside").rename(temporary)
    assert client.get(f"/jobs/{job_id}").status_code == 200
    assert client.delete(f"/jobs/{job_id}").status_code == 204
    assert not storage.exists(checkpoint)


def test_a_job_that_publishes_cannot_be_cancelled_paused_or_stopped(
    client: httpx.Client, store: JobStore
) -> None:
    job_id = submit(client)
    attempt = claim(store)
    store.commit_publish(job_id, attempt.attempt_id, draft())
    for verb in ("cancel", "pause", "stop"):
        problem_in(client.post(f"/jobs/{job_id}/{verb}"), 409, "publishing")
    store.finish(job_id, attempt.attempt_id, Outcome.SUCCEEDED)
    for verb in ("cancel", "pause", "stop", "resume"):
        problem_in(client.post(f"/jobs/{job_id}/{verb}"), 409, "wrong_state")
    assert client.get(f"/jobs/{job_id}").json()["status"] == "succeeded"


def test_every_route_answers_with_the_same_job(client: httpx.Client) -> None:
    job_id = submit(client)
    paused = client.post(f"/jobs/{job_id}/pause").json()
    assert client.get(f"/jobs/{job_id}").json() == paused
    assert client.get("/jobs").json()["data"] == [paused]


def test_pause_resume_and_stop(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    problem_in(client.post(f"/jobs/{job_id}/stop"), 409, "nothing_to_publish")
    problem_in(client.post(f"/jobs/{job_id}/resume"), 409, "wrong_state")
    for _ in range(2):
        paused = client.post(f"/jobs/{job_id}/pause")
        assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert client.post(f"/jobs/{job_id}/resume").json()["status"] == "queued"

    claim(store).report(1, 1)
    for _ in range(2):
        stopping = client.post(f"/jobs/{job_id}/stop")
        assert (stopping.status_code, stopping.json()["status"]) == (200, "stopping")
    problem_in(client.post(f"/jobs/{job_id}/pause"), 409, "wrong_state")
    assert client.post(f"/jobs/{job_id}/cancel").json()["status"] == "cancelling"
    problem_in(client.post(f"/jobs/{job_id}/stop"), 409, "wrong_state")
    for verb in ("stop", "pause", "resume"):
        problem_in(client.post(f"/jobs/job_{'0' * 26}/{verb}"), 404, "job_not_found")


def test_metrics_as_json_and_csv(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    attempt = claim(store)
    attempt.report(1, 1, 2)
    attempt.report(2, 3)
    page = client.get(f"/jobs/{job_id}/metrics?limit=2").json()
    assert ([row["epoch"] for row in page["data"]], page["has_more"]) == ([1, 2], True)
    assert page["data"][1] == {
        "epoch": 2,
        "train_loss": 0.5,
        "train_accuracy": 0.5,
        "val_loss": None,
        "val_accuracy": 0.25,
        "learning_rate": 1e-7,
        "images_per_s": 100.0,
        "duration_s": 0.5,
        "gradient_norm": None,
        "data_share": None,
        "peak_memory_mb": None,
    }
    rest = client.get(f"/jobs/{job_id}/metrics?after=2").json()
    assert ([row["epoch"] for row in rest["data"]], rest["has_more"]) == ([3], False)
    text = client.get(f"/jobs/{job_id}/metrics", headers={"Accept": "text/csv"})
    assert text.headers["content-type"].startswith("text/csv")
    lines = text.text.splitlines()
    assert lines[0].startswith("epoch,train_loss,")
    assert lines[1:][1] == "2,0.5,0.5,,0.25,1e-07,100.0,0.5,,,"


def test_logs_end_with_the_last_lines(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    attempt = claim(store)
    store.report(job_id, attempt.attempt_id, 1, Report(log_lines=("one", "two\u2028", "three")))
    assert client.get(f"/jobs/{job_id}/logs?tail=2").json()["lines"] == ["two\u2028", "three"]
    assert client.get(f"/jobs/{job_id}/logs").json()["object"] == "logs"


def test_waiting_ends_when_the_state_changes(client: httpx.Client, store: JobStore) -> None:
    job_id = submit(client)
    began = time.monotonic()
    with ThreadPoolExecutor(
        1
    ) as caller:  # joined: a claim that outlives the test would take the next test's job
        answer = caller.submit(client.get, f"/jobs/{job_id}?wait_s=25")
        time.sleep(0.5)
        claim(store)
        assert answer.result().json()["status"] == "running"
    assert 0.3 < time.monotonic() - began < 20


def test_waiting_ends_after_wait_s_and_at_once_for_a_finished_job(client: httpx.Client) -> None:
    job_id = submit(client)
    began = time.monotonic()
    assert client.get(f"/jobs/{job_id}?wait_s=0.5").json()["status"] == "queued"
    assert 0.4 < time.monotonic() - began < 20
    client.post(f"/jobs/{job_id}/cancel")
    began = time.monotonic()
    assert client.get(f"/jobs/{job_id}?wait_s=25").json()["status"] == "cancelled"
    assert time.monotonic() - began < 20
