"""`promote: if_better` of a job: the decision, its numbers in result and history, and repetitions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.artifact.manifest import FileFacts, ManifestDraft, model_key
from model.evaluation.stored_predictions import PREDICTIONS_FILE, StoredPredictions, serialise_predictions
from model.host import failpoints
from model.host.failpoints import Failpoint
from model.spec import JobSpec, Metric, Promote
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.manifests import draft
from tests.worker.samples import make_job
from worker.errors import AliasMovedError
from worker.kinds.training.publishing import complete_draft, complete_publish
from worker.queue.attempt_messages import ClaimedJob
from worker.queue.ids import new_attempt_id, new_model_id
from worker.queue.kinds import VERSION_WITH_GATE
from worker.queue.records import Job, Promotion, PromotionOutcome
from worker.queue.states import Outcome
from worker.queue.store import JobStore
from worker.redis_server import keys as redis_keys
from worker.registry.model_registry import ModelRegistry

IMAGES, CLASSES = 60, 3
GATED: dict[str, Any] = {"promote": "if_better", "promote_metric": "accuracy", "promote_margin": 0.0}


class KilledError(Exception):
    """Stands for the death of the worker."""


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(tmp_path.as_uri())


def stage(storage: Storage, model_id: str, wrong: int | None) -> ManifestDraft:
    """Store the predictions of a model, of which the first ones are wrong; with None the model has none."""
    if wrong is None:
        return draft()
    labels_N = np.arange(IMAGES) % CLASSES
    answers_N = np.where(np.arange(IMAGES) < wrong, (labels_N + 1) % CLASSES, labels_N)
    logits_NK = np.zeros((IMAGES, CLASSES), np.float32)
    logits_NK[np.arange(IMAGES), answers_N] = 3
    ids_N = np.array([f"test-{number}" for number in range(IMAGES)])
    data = serialise_predictions(StoredPredictions(logits_NK, labels_N, np.full(IMAGES, -1, np.int32), ids_N))
    storage.put_bytes(model_key(model_id, PREDICTIONS_FILE), data)
    return draft({PREDICTIONS_FILE: FileFacts.of(data)})


def claim(store: JobStore) -> tuple[ClaimedJob, str]:
    attempt_id = new_attempt_id()
    claimed = store.claim("host:1", attempt_id)
    assert isinstance(claimed, ClaimedJob)
    return claimed, attempt_id


def finish(store: JobStore, storage: Storage, claimed: ClaimedJob, attempt_id: str) -> None:
    committed = claimed.committed
    assert committed
    complete_publish(
        store,
        storage,
        claimed.item_id,
        attempt_id,
        committed,
        gate=claimed.gate,
        project=claimed.project,
        may_wait=lambda: False,
    )


def train(store: JobStore, storage: Storage, wrong: int | None, **spec: Any) -> Job:
    """Run a job until its model is published."""
    job_id = commit(store, storage, wrong, **spec)
    claimed, attempt_id = claim(store)
    finish(store, storage, claimed, attempt_id)
    return store.get(job_id)


def commit(store: JobStore, storage: Storage, wrong: int | None, **spec: Any) -> str:
    """Run a job until its model is committed; then the worker dies, and the job is queued again."""
    store.submit(make_job(**GATED | spec))
    claimed, attempt_id = claim(store)
    model_id = new_model_id()
    complete = complete_draft(stage(storage, model_id, wrong), claimed, model_id)
    store.commit_publish(claimed.item_id, attempt_id, complete)
    store.requeue(claimed.item_id, attempt_id, Outcome.DRAINED)
    return claimed.item_id


def promotion_of(job: Job) -> Promotion:
    assert job.result
    assert job.result.promotion
    return job.result.promotion


def test_a_model_is_promoted_only_if_it_is_better(store: JobStore, storage: Storage) -> None:
    registry = ModelRegistry(store.redis)
    first, better, worse = (train(store, storage, wrong) for wrong in (30, 10, 12))
    assert promotion_of(first).outcome is PromotionOutcome.FIRST
    assert promotion_of(better).outcome is PromotionOutcome.BETTER
    refused = promotion_of(worse)
    assert (refused.outcome, refused.from_version, refused.is_promoted) == ("not_better", 2, False)
    assert refused.comparison
    assert refused.comparison.candidate == pytest.approx(48 / 60)
    assert "digits:3 is not shown to be better than digits:2" in refused.detail
    assert registry.list_aliases("digits") == {"production": 2}

    newest, moved, set_first = registry.alias_history("digits", "production").changes
    assert (newest.from_version, newest.to_version, newest.refused_version) == (2, 2, 3)
    assert newest.gate == refused.comparison
    assert (newest.job_id, newest.by) == (worse.id, "alice")
    assert (moved.from_version, moved.to_version, moved.job_id) == (1, 2, better.id)
    assert moved.gate
    assert moved.gate.is_better
    assert (set_first.to_version, set_first.gate, set_first.job_id) == (1, None, first.id)
    state = registry.get_alias("digits", "production")
    assert state.change == moved  # a refusal is no change
    assert registry.roll_back_alias("digits", "production", "bob").model.manifest.version == 1


def test_margin_and_metric_of_the_job_count(store: JobStore, storage: Storage) -> None:
    train(store, storage, 30)
    job = train(store, storage, 10, promote_metric="log_loss", promote_margin=4.0)
    promotion = promotion_of(job)
    assert promotion.comparison
    assert (promotion.comparison.metric, promotion.comparison.margin) == (Metric.LOG_LOSS, 4.0)
    assert promotion.outcome is PromotionOutcome.NOT_BETTER
    assert (
        json.loads(store.get_json(job.id))["spec"].items()
        >= {
            "promote": "if_better",
            "promote_metric": "log_loss",
            "promote_margin": 4.0,
        }.items()
    )


def test_earlier_releases_read_a_result_that_they_know(store: JobStore, storage: Storage) -> None:
    job = train(store, storage, 30)
    result = json.loads(str(store.redis.hget(redis_keys.ITEM + job.id, "result")))
    assert result.keys() == {"test_accuracy", "test_accuracy_tta", "ci95", "model"}
    assert json.loads(store.get_json(job.id))["result"]["promotion"]["outcome"] == "first"
    assert store.list_jobs().jobs == [job]


def test_a_current_model_without_predictions_stays(store: JobStore, storage: Storage) -> None:
    train(store, storage, None)
    promotion = promotion_of(train(store, storage, 0))
    assert promotion.outcome is PromotionOutcome.NO_COMMON_TEST_SET
    assert "earlier release" in promotion.detail
    assert ModelRegistry(store.redis).list_aliases("digits") == {"production": 1}


def test_a_worker_that_dies_before_the_end_leaves_one_entry(
    store: JobStore, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(store, storage, 30)
    for wrong in (10, 12):
        job_id = commit(store, storage, wrong)
        for point in (Failpoint.PUBLISH_WRITTEN, Failpoint.FINISH_RECORDED):
            claimed, attempt_id = claim(store)

            def die(reached: Failpoint, point: Failpoint = point) -> None:
                if reached is point:
                    raise KilledError

            with monkeypatch.context() as patch:
                patch.setattr(failpoints, "_act", die)
                with pytest.raises(KilledError):
                    finish(store, storage, claimed, attempt_id)
            if point is Failpoint.PUBLISH_WRITTEN:
                store.requeue(job_id, attempt_id, Outcome.DRAINED)
        finish(store, storage, claimed, attempt_id)  # as if the last reply was lost
        assert store.get(job_id).result
    changes = ModelRegistry(store.redis).alias_history("digits", "production").changes
    assert [(change.to_version, change.refused_version) for change in changes] == [
        (2, 3),
        (2, None),
        (1, None),
    ]


def test_a_decision_about_another_version_is_refused(store: JobStore, storage: Storage) -> None:
    train(store, storage, 30)
    train(store, storage, 29, promote="never", promote_metric=None, promote_margin=None)
    job_id = commit(store, storage, 10)
    _, attempt_id = claim(store)
    ModelRegistry(store.redis).set_alias("digits", "production", 2, "bob")
    outdated = Promotion(outcome=PromotionOutcome.BETTER, from_version=1, detail="")
    with pytest.raises(AliasMovedError):
        store.succeed(job_id, attempt_id, outdated)
    assert store.get(job_id).status == "running"


def test_earlier_releases_read_a_spec_that_they_know(store: JobStore) -> None:
    gated = store.submit(make_job(**GATED)).job_id
    plain = store.submit(make_job()).job_id
    record: Any = store.redis.hgetall(redis_keys.ITEM + gated)
    spec = json.loads(record["spec"])
    known = json.loads(str(store.redis.hget(redis_keys.ITEM + plain, "spec")))
    assert spec["promote"] == "never"
    assert spec.keys() == known.keys()
    assert record["schema_version"] == str(VERSION_WITH_GATE)
    assert [job.spec.promote for job in store.list_jobs().jobs] == [Promote.FIRST, Promote.IF_BETTER]


def test_metric_and_margin_need_the_gate() -> None:
    with pytest.raises(ValueError, match="need promote: if_better"):
        JobSpec(dataset="digits", promote_margin=0.1)
