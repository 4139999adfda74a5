"""Publishes a committed model: writes its manifest and ends the job. Every step may be repeated."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from model.artifact.manifest import (
    ANCESTORS,
    BUILT_IN_ORIGIN,
    MANIFEST_FILE,
    SEEN_TEST_IMAGES,
    FileFacts,
    Manifest,
    ManifestDraft,
    model_key,
)
from model.bundle.epochs import EpochMetrics, TrainingEpochs
from model.bundle.names import EPOCHS_FILE, PREDICTIONS_FILE
from model.comparison.ancestry import Ancestry, ancestry_from
from model.comparison.result import Gate
from model.errors import CorruptArtifactError, StorageError
from model.host.failpoints import Failpoint, reach
from model.spec import ResolvedSpec
from model.storage.interface import Storage
from worker.errors import AliasMovedError
from worker.queue.attempt_messages import ClaimedJob, Committed
from worker.queue.records import EpochRow
from worker.queue.store import JobStore
from worker.redis_server.retry import retry_while_unavailable
from worker.registry.model_registry import ModelRegistry
from worker.registry.promotion import decide_promotion

_log = logging.getLogger(__name__)


def complete_draft(
    draft: ManifestDraft,
    claimed: ClaimedJob,
    model_id: str,
    ancestry: Ancestry | None = None,
    storage: Storage | None = None,
    *,
    origin: str | None = None,
) -> dict[str, Any]:
    """Return the manifest of the staged model, complete but for its version and time, which the commit assigns.

    The lineage names the models from whose weights the model comes, and their datasets: they may be deleted later. With
    the storage of the staged model, it says how many of the test images those were trained on. `origin` is the built-in
    dataset from which the model's dataset comes.
    """
    noted: dict[str, Any] = {BUILT_IN_ORIGIN: origin} if origin else {}
    if ancestry:
        noted[ANCESTORS] = [one.model_dump(exclude_defaults=True) for one in ancestry.ancestors]
        if seen := count_seen(draft, ancestry, storage, model_id) if storage else 0:
            noted[SEEN_TEST_IMAGES] = seen
    fields = draft.stored()
    return {
        "object": "model",
        "id": model_id,
        "name": claimed.name,
        "created_by": claimed.created_by,
        "job_id": claimed.item_id,
        **fields,
        "lineage": {**fields["lineage"], **noted},
    }


def store_epochs(
    draft: ManifestDraft, rows: Sequence[EpochRow], storage: Storage, model_id: str
) -> ManifestDraft:
    """Store the metrics of the epochs beside the staged model; its job may be deleted later.

    Returns the draft with the file; without it when storage fails.
    """
    epochs = [EpochMetrics.model_validate(row.model_dump()) for row in rows]
    data = TrainingEpochs(epochs=epochs).model_dump_json().encode()
    try:
        storage.put_bytes(model_key(model_id, EPOCHS_FILE), data)
    except StorageError as error:
        _log.warning("the metrics of the epochs of %s are not kept with it: %s", draft.spec.name, error)
        return draft
    facts = FileFacts.of(data)
    return draft.model_copy(update={"files": {**draft.files, EPOCHS_FILE: facts}})


def count_seen(draft: ManifestDraft, ancestry: Ancestry, storage: Storage, model_id: str) -> int:
    """Return how many test images the models were trained on from which a staged model comes, or ones that look alike.

    0 when the predictions of the draft cannot be read, or there are none.
    """
    datasets = ancestry.datasets - {draft.dataset.id}
    if not datasets or PREDICTIONS_FILE not in draft.files:
        return 0
    # numpy, which a worker needs for these jobs alone:
    from model.comparison.seen_images import find_seen  # noqa: PLC0415
    from model.evaluation.stored_predictions import parse_predictions  # noqa: PLC0415

    try:
        data = storage.read_bytes(model_key(model_id, PREDICTIONS_FILE))
        predictions = parse_predictions(data, len(draft.classes))
        seen = find_seen(datasets, draft.dataset.id, predictions.ids_N, storage)
    except (CorruptArtifactError, StorageError) as error:
        _log.warning("which test images of %s were trained on is not noted: %s", draft.spec.name, error)
        return 0
    return int((seen.trained_N | seen.near_N).sum())


def find_ancestry(spec: ResolvedSpec, storage: Storage) -> Ancestry | None:
    """Return from which models the weights of a training come; None when there is none, or storage fails.

    Those of a continued training come from the model of the job that it continues.
    """
    parent = spec.extended_from.model if spec.extended_from else spec.init_from
    try:
        return ancestry_from(parent, storage) if parent else None
    except StorageError as error:
        _log.warning("the models from which %s comes are not noted: %s", spec.name, error)
        return None


def complete_publish(
    store: JobStore,
    storage: Storage,
    job_id: str,
    attempt_id: str,
    committed: Committed,
    *,
    gate: Gate | None,
    project: str,
    may_wait: Callable[[], bool],
) -> None:
    """Write the manifest and end the job. After the commit point nothing cancels the job any more.

    Raises:
        StaleAttemptError: another attempt holds the job, and completes the publish.
        StorageError: the manifest cannot be written now.
        StoreUnavailableError: Redis is unreachable, and `may_wait` returned False.
    """
    storage.put_bytes(model_key(committed.manifest["id"], MANIFEST_FILE), committed.manifest_json.encode())
    reach(Failpoint.PUBLISH_WRITTEN)
    if gate is None:
        retry_while_unavailable(lambda: store.succeed(job_id, attempt_id), may_wait)
    else:
        manifest = Manifest.model_validate_json(committed.manifest_json)
        retry_while_unavailable(
            lambda: _succeed_and_promote(store, storage, attempt_id, manifest, gate=gate, project=project),
            may_wait,
        )
    reach(Failpoint.FINISH_RECORDED)


def _succeed_and_promote(
    store: JobStore, storage: Storage, attempt_id: str, manifest: Manifest, *, gate: Gate, project: str
) -> None:
    """End a job and promote its model if it is better; decide again if another version got into production meanwhile.

    The decision and the end of the job are one change: an attempt that repeats the publication decides once.
    """
    assert manifest.job_id is not None  # noqa: S101  # it is the manifest of a job
    registry = ModelRegistry(store.redis)
    while True:
        promotion = decide_promotion(registry, storage, manifest, gate, project)
        try:
            store.succeed(manifest.job_id, attempt_id, promotion)
        except AliasMovedError:
            continue
        return
