"""Every call that changes something gets the same answer when it is repeated, and takes effect once."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import PurePath
from typing import Any

import pytest
import redis

from model.artifact.precision import Precision
from model.batch_prediction.options import PredictionOptions
from ninefold.local.ports import free_port
from tests.chaos.cluster.network import Link, Network
from tests.worker.imported import dataset_record, entry_of, new_import
from tests.worker.queue.test_live_workers import record as worker_record
from tests.worker.samples import draft, make_job, make_spec, new_evaluation, row
from worker.errors import JobNotFoundError, ModelNotFoundError, WrongStateError
from worker.queue import live_workers
from worker.queue.attempt_messages import Report, TrainingReport
from worker.queue.calls import (
    attempts,
    batch_predictions,
    evaluations,
    history,
    imports,
    model_imports,
    requests,
    trainings,
    uploads,
)
from worker.queue.calls.requests import Idempotency
from worker.queue.ids import new_attempt_id, new_model_import_id, new_prediction_id
from worker.queue.records import (
    Checkpoint,
    EvaluatedSplit,
    EvaluationResult,
    JobError,
    PredictionResult,
    Progress,
)
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Outcome, Phase, Status
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.redis_server.clients import AsyncStoreClient, Operation, StoreClient
from worker.redis_server.connection import connect, connect_async
from worker.redis_server.scripts import ScriptCall, load_script
from worker.registry import aliases, datasets, models, review, shadow
from worker.registry.datasets import DatasetRegistry
from worker.registry.errors import AliasNotFoundError
from worker.registry.model_registry import ModelRegistry
from worker.registry.scripts import REGISTRY_SCRIPTS

Run = Callable[[Operation[Any]], Any]

READS = {
    "queue/lua/history/read",
    "queue/lua/requests/replay",
    "queue/lua/live_workers/list_workers",
    "registry/lua/get_alias",
    "registry/lua/get_dataset",
    "registry/lua/list_alias_changes",
    "queue/lua/uploads/read",
    "registry/lua/list_dataset_versions",
    "registry/lua/list_datasets",
    "registry/lua/list_models",
    "registry/lua/review/list",
    "registry/lua/resolve_model",
}


def changes() -> set[str]:
    """List every script of the queue and the registry that changes something."""
    root = PurePath(str(files("worker")))
    scripts = (
        str(PurePath(str(path)).relative_to(root).with_suffix(""))
        for folder in (QUEUE_SCRIPTS, REGISTRY_SCRIPTS)
        for path in (files("worker") / folder.path).rglob("*.lua")  # type: ignore[attr-defined]  # it is a Path
    )
    return {name for name in scripts if "/shared/" not in name and "/reads/" not in name} - READS


@pytest.fixture
def calls() -> set[str]:
    """The scripts that a test has run."""
    return set()


@pytest.fixture
def link(redis_client: redis.Redis) -> Iterator[Link]:
    """A network to Valkey that can lose the reply to a script; Valkey knows every script already."""
    for name in changes():
        folder = QUEUE_SCRIPTS if name.startswith(QUEUE_SCRIPTS.path) else REGISTRY_SCRIPTS
        redis_client.script_load(load_script(folder, name.removeprefix(f"{folder.path}/")).text)
    network = Network()
    port = free_port("127.0.0.1")
    redis_client.config_set("port", port)
    yield network.open_link(port)
    network.close()
    redis_client.config_set("port", 0)


@pytest.fixture(params=["run twice", "reply lost", "reply lost to asyncio"])
def run(request: pytest.FixtureRequest, redis_client: redis.Redis, link: Link, calls: set[str]) -> Run:
    """Run an operation twice: by this test, or by the Redis client after a lost reply."""
    url = f"redis://127.0.0.1:{link.port}"

    def run_twice(operation: Operation[Any]) -> Any:
        store = StoreClient(redis_client)
        first = store.run(operation)
        assert store.run(operation) == first
        return first

    def lose_reply(call: ScriptCall[Any]) -> Any:
        link.replies_to_lose = 1
        with connect(url) as client:
            answer = StoreClient(client).run(call)
        assert link.replies_to_lose == 0
        return answer

    async def lose_reply_to_asyncio(call: ScriptCall[Any]) -> Any:
        link.replies_to_lose = 1
        async with connect_async(url) as client:
            answer = await AsyncStoreClient(client).run(call)
        assert link.replies_to_lose == 0
        return answer

    def run(operation: Operation[Any]) -> Any:
        if not isinstance(operation, ScriptCall):
            return run_twice(operation)
        calls.add(f"{operation.folder.path}/{operation.name}")
        match request.param:
            case "run twice":
                return run_twice(operation)
            case "reply lost":
                return lose_reply(operation)
            case _:
                return asyncio.run(lose_reply_to_asyncio(operation))

    return run


def _claim(run: Run) -> tuple[str, str]:
    attempt_id = new_attempt_id()
    return run(attempts.claim("host:1", attempt_id)).item_id, attempt_id


def publish(run: Run) -> tuple[str, str]:
    """Run a job through every request and every call of its attempts; return the ids of the job and its model."""
    submitted = run(trainings.submit(make_job(), Idempotency("key", "body")))
    assert not submitted.is_replay
    job_id = submitted.job_id
    run(requests.pause(job_id))
    run(requests.resume(job_id))
    _, attempt_id = _claim(run)
    checkpoint = Checkpoint(key="checkpoints/a", epoch=1, step=0)
    run(attempts.renew(job_id, attempt_id))
    run(attempts.report(job_id, attempt_id, 1, TrainingReport(rows=(row(1),), checkpoint=checkpoint)))
    progress = Progress(epoch=2, epochs=3, fraction=0.5)
    run(attempts.report(job_id, attempt_id, 2, TrainingReport(progress=progress)))
    run(requests.pause(job_id))
    run(attempts.requeue(job_id, attempt_id, Outcome.PAUSED))
    run(trainings.stop(job_id))
    _, attempt_id = _claim(run)
    model_id = run(trainings.commit_publish(job_id, attempt_id, draft())).manifest["id"]
    run(trainings.succeed(job_id, attempt_id))
    return job_id, model_id


def import_and_wait(run: Run) -> None:
    """Import a dataset, for which one job waits with success and one waits for an import that is rejected."""
    dataset, rejected = (run(imports.submit_import(new_import(name))) for name in ("pets", "cats"))
    waiting = [
        run(trainings.submit(replace(make_job(dataset=name), waits_for=of.dataset_import.id))).job_id
        for name, of in (("pets", dataset), ("cats", rejected))
    ]
    import_id, attempt_id = _claim(run)
    run(attempts.report(import_id, attempt_id, 1, Report(phase=Phase.READING)))
    entry = entry_of(dataset_record())
    run(imports.note_dataset(import_id, attempt_id, "ds_1"))
    assert run(imports.succeed_import(import_id, attempt_id, "ds_1", entry)) is Status.SUCCEEDED
    run(trainings.release_waiting(waiting[0], import_id, make_spec(dataset="ds_1"), ()))
    import_id, attempt_id = _claim(run)
    why = JobError(code="dataset_rejected", message="no images")
    assert run(attempts.finish(import_id, attempt_id, Outcome.FAILED, why)) is Status.FAILED
    run(trainings.reject_waiting(waiting[1], import_id, why))
    run(imports.note_settled(import_id))


def evaluate(run: Run, model_id: str) -> None:
    """Evaluate a model on a built-in dataset."""
    new = new_evaluation(model_id)
    submitted = run(evaluations.submit_evaluation(new, "evaluation")).run
    evaluation_id, attempt_id = _claim(run)
    assert evaluation_id == submitted.id
    found = EvaluationResult(accuracy=1, ci95=(0.9, 1), images=9, unknown_classes={}, files={})
    assert run(evaluations.succeed_evaluation(evaluation_id, attempt_id, found)) is Status.SUCCEEDED


def predict(run: Run, model_id: str) -> None:
    """Classify the images of a built-in dataset."""
    images = batch_predictions.PredictedDataset(id="digits", is_uploaded=False, split=EvaluatedSplit.TEST)
    new = batch_predictions.NewPrediction(
        prediction_id=new_prediction_id(),
        model=model_id,
        model_name="demo",
        images=images,
        options=PredictionOptions(),
    )
    assert run(batch_predictions.submit_prediction(new, "batch")).prediction.id == new.prediction_id
    prediction_id, attempt_id = _claim(run)
    totals = PredictionResult(images=9, failed=0, abstained=0, labels={"0": 9}, precision=Precision.INT8)
    assert run(batch_predictions.succeed_prediction(prediction_id, attempt_id, totals)) is Status.SUCCEEDED


def import_model(run: Run) -> str:
    """Import a model; return its id."""
    new = model_imports.NewModelImport(new_model_import_id(), "imported", 1, "0" * 64)
    assert run(model_imports.submit_model_import(new, "bundle")).model_import.id == new.import_id
    import_id, attempt_id = _claim(run)
    manifest = {**draft(), "id": "mdl_imported", "name": "imported"}
    committed = run(model_imports.commit_model_import(import_id, attempt_id, "imported", manifest))
    assert committed.version == 1
    assert run(model_imports.succeed_model_import(import_id, attempt_id)) is Status.SUCCEEDED
    return "mdl_imported"


def upload_and_forget(run: Run) -> None:
    """Receive two parts of an upload, then delete the upload."""
    record = uploads.UploadRecord(name="birds")
    upload_id = run(uploads.create_upload("upl_1", record, 30, idempotency_key="upload"))
    for offset, key in ((0, "uploads/a"), (10, "uploads/b")):
        part = uploads.UploadPart(key=key, size_bytes=10, sha256="00")
        assert run(uploads.append_part(upload_id, offset, part)) == offset + 10
    assert run(uploads.delete_upload(upload_id)) is True


def review_twice(run: Run) -> None:
    """Review two images of which one is used; then they are too old."""
    settings = review.KeptAnswers(below=0.5, fraction=1, max_images=2, max_days=1)
    assert run(review.configure_review("digits", settings, 100)) == []
    for number in range(3):
        image = review.NewReviewImage(
            id=f"rev_{number}",
            sha256=str(number),
            size_bytes=9,
            model="mdl_1",
            version=1,
            scores=[review.ReviewScore(label="zero", score=0.4)],
        )
        dropped = run(review.keep_image("digits", image, missed=1, max_bytes=100))
        assert dropped == (["rev_0"] if number == 2 else [])
    labelled = run(review.label_image("digits", "rev_1", "zero", "bob"))
    assert labelled.label.label == "zero"
    plan = review.VersionPlan(
        import_id="imp_1",
        parent="ds_1",
        name="pets",
        model="mdl_1",
        note=None,
        by="bob",
        train=True,
        key=None,
    )
    assert run(review.take_labelled("digits", plan)).labels == {"rev_1": "zero"}
    assert run(review.settle_version("digits", "imp_1", is_made=True)) == ["rev_1"]
    run(review.note_version_job("digits", review.VersionJob(import_id="imp_1", job="job_1")))
    state = run(review.review_state("digits"))
    assert (state.job_of(state.made), state.making) == ("job_1", None)
    assert (state.waiting, state.taken, state.used, state.missed, state.image_bytes) == (1, 0, 1, 3, 9)
    assert run(review.trim_review("digits", 8)) == (False, ["rev_2"])
    run(review.end_review("digits"))


def test_a_repeated_call_has_the_same_answer_and_one_effect(
    run: Run, calls: set[str], redis_client: redis.Redis
) -> None:
    store, registry = JobStore(redis_client), ModelRegistry(redis_client)
    job_id, model_id = publish(run)
    job = store.get(job_id)
    assert [step.status for step in job.transitions] == [
        "queued",
        "paused",
        "queued",
        "running",
        "pausing",
        "paused",
        "queued",
        "stopping",
        "succeeded",
    ]
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.PAUSED, Outcome.SUCCEEDED]
    assert store.rows(job_id) == [row(1)]

    cancelled = run(trainings.submit(make_job())).job_id
    run(requests.cancel(cancelled))
    packed = store.run(history.read_history(job_id))
    assert packed
    run(history.pack_history(job_id, packed))
    assert store.rows(job_id) == [row(1)]
    for ended in (job_id, cancelled):
        run(requests.delete(ended))
    assert store.list_jobs().jobs == []

    assert run(aliases.set_alias("digits", "canary", 1, "bob")).model.aliases == ["canary", "production"]
    first = registry.resolve(model_id).manifest
    second = first.model_copy(update={"id": "mdl_second", "version": 2})
    run(models.register(second.model_dump_json()))
    run(aliases.set_alias("digits", "canary", 2, "bob"))
    assert run(aliases.roll_back_alias("digits", "canary", "bob")).model.manifest.version == 1
    pair = shadow.Pair(model_id, second.id)
    answer = shadow.ShadowAnswer(label="zero", score=0.5)
    found = shadow.Disagreement(id="dis_1", production=answer, shadow=answer, image_bytes=9)
    kept = shadow.KeptImages(images=0, size_bytes=100, seconds=60)
    assert run(shadow.note_shadow(pair, {"compared": 2}, [found], kept)) == ["dis_1"]
    counts = registry.shadow_counts(pair)
    assert counts
    assert counts.compared == 2
    review_twice(run)
    for alias in ("canary", "production"):
        run(aliases.delete_alias("digits", alias, "bob"))
    assert len(registry.alias_history("digits", "canary").changes) == 4
    run(models.begin_deletion(second.id))
    run(models.end_deletion(second.id))
    manifest = registry.resolve(model_id).manifest.model_dump_json()
    run(models.begin_deletion(model_id))
    run(models.end_deletion(model_id))
    assert run(models.register(manifest)) is True
    assert [model.manifest.id for model in registry.list_models().models] == [model_id]

    evaluate(run, model_id)
    predict(run, model_id)
    imported_id = import_model(run)
    assert [model.manifest.id for model in registry.list_models("imported").models] == [imported_id]
    import_and_wait(run)
    assert DatasetRegistry(redis_client).get("pets").facts.id == "ds_1"
    for unfinished in store.list_jobs().jobs:
        if unfinished.status is Status.QUEUED:
            run(requests.cancel(unfinished.id))
    run(datasets.begin_deletion("ds_1"))
    run(datasets.end_deletion("ds_1"))
    upload_and_forget(run)
    run(live_workers.send_heartbeat(worker_record()))
    run(live_workers.remove("host:1"))
    assert calls == changes()


def test_an_answer_is_repeated_also_after_other_calls(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    store.pause(job_id)
    resume = requests.resume(job_id)
    first = store.run(resume)
    store.pause(job_id)
    assert store.run(resume) == first
    assert store.get(job_id).status == "paused"  # the repetition changed nothing


def test_another_call_with_the_same_arguments_is_no_repetition(
    store: JobStore, redis_client: redis.Redis
) -> None:
    registry = ModelRegistry(redis_client)
    job_id, model_id = publish(store.run)
    store.delete(job_id)
    with pytest.raises(JobNotFoundError):
        store.delete(job_id)
    registry.delete_alias("digits", "production", "bob")
    with pytest.raises(AliasNotFoundError):
        registry.delete_alias("digits", "production", "bob")
    registry.begin_deletion(model_id)
    registry.end_deletion(model_id)
    with pytest.raises(ModelNotFoundError):
        registry.begin_deletion(model_id)


def test_a_refusal_is_not_kept(store: JobStore) -> None:
    job_id = store.submit(make_job()).job_id
    resume = requests.resume(job_id)
    with pytest.raises(WrongStateError):
        store.run(resume)
    store.pause(job_id)
    assert store.run(resume).status == "queued"


def test_first_replies_are_kept_for_a_minute(store: JobStore) -> None:
    store.submit(make_job())
    (key,) = store.redis.scan_iter(redis_keys.FIRST_REPLIES + "*")
    assert 50 < store.redis.ttl(key) <= 60
