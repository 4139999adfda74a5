"""Jobs side by side: the settings that differ, and the metrics of every epoch."""

import httpx

from tests.api.attempts import claim, submit
from tests.api.problems import problem_in
from tests.worker.samples import draft
from worker.queue.ids import new_model_id
from worker.queue.store import JobStore


def test_jobs_are_compared_while_they_train_and_when_they_have_ended(
    client: httpx.Client, store: JobStore
) -> None:
    first = submit(client, epochs=3, name="first", seed=1)
    attempt = claim(store)
    attempt.report(1, 1, 2)
    second = submit(client, epochs=5, name="second", seed=1, recipe="fast", tags=["x"])
    url = f"/jobs/{first}/comparison?with={second}"
    found = client.get(url).json()
    assert [(job["id"], job["status"]) for job in found["jobs"]] == [(first, "running"), (second, "queued")]
    assert [[row["epoch"] for row in job["epochs"]] for job in found["jobs"]] == [[1, 2], []]
    settings = {setting["name"]: setting["values"] for setting in found["settings"]}
    assert (settings["epochs"], settings["recipe"]) == ([3, 5], ["thorough", "fast"])
    assert "recipe.translate" in settings
    assert not {"seed", "name", "tags", "recipe.epochs"} & settings.keys()
    assert found["models"] is None

    store.commit_publish(first, attempt.attempt_id, draft(model_id := new_model_id()))
    store.succeed(first, attempt.attempt_id)
    found = client.get(f"/jobs/{first}/comparison?with={first}").json()
    assert found["models"] == f"/models/{model_id}/comparison?with={model_id}"
    assert found["settings"] == []


def test_an_unknown_job_is_not_compared(client: httpx.Client) -> None:
    job_id = submit(client)
    unknown = "job_01m8gy3zwvqwycbs4v1zz2cnka"
    problem_in(client.get(f"/jobs/{job_id}/comparison?with={unknown}"), 404, "job_not_found")
    problem_in(client.get(f"/jobs/{job_id}/comparison?with=digits"), 404, "job_not_found")
    problem_in(client.get(f"/jobs/{job_id}/comparison"), 422, "invalid_request")
