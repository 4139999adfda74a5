"""A small service with a job in most states, and what its users and workers may do during a backup."""

from dataclasses import dataclass, field

from model.spec import JobSpec
from tests.worker.imported import claim_import, dataset_record, entry_of, import_record, new_import
from tests.worker.samples import claim, draft, make_job, make_spec, publish
from tests.worker.upkeep.backup.service import Service
from worker.queue.calls.requests import Idempotency
from worker.queue.calls.trainings import NewJob
from worker.queue.ids import new_model_id
from worker.queue.states import Outcome
from worker.registry.model_registry import ModelRegistry
from worker.upkeep.packer import HistoryPacker


@dataclass
class Scene:
    """A small service with a job in most states, and the ids that the acts need."""

    service: Service
    running: tuple[str, str] = field(init=False)
    """The job and attempt that will make the first model of its name, which is promoted."""
    running_again: tuple[str, str] = field(init=False)
    """The job and attempt that will make another model, which is not promoted."""
    importing: tuple[str, str] = field(init=False)
    waiting: str = field(init=False)
    """The job that waits for the dataset."""
    finished: str = ""
    first_model: str = ""
    deleted: set[str] = field(default_factory=set)
    """The jobs and models that were deleted."""

    def __post_init__(self) -> None:
        store = self.service.store
        store.submit(make_job(name="new-name", promote="first"))
        self.running = claim(store)
        store.submit(make_job(promote="never"))
        self.running_again = claim(store)
        store.submit(make_job(tags=["queued"], gpus=2))
        store.submit_import(new_import("birds"))
        self.importing = claim_import(store)
        posted = JobSpec.model_validate({"dataset": "birds", "name": "birds"})
        self.waiting = store.submit(NewJob(posted, "alice", waits_for=self.importing[0])).job_id

    def publish_before(self) -> None:
        """Publish two models that the backup finds."""
        self.first_model = publish(self.service.store)
        publish(self.service.store)
        self.finished = self.service.store.list_jobs().jobs[0].id

    @property
    def models(self) -> ModelRegistry:
        return ModelRegistry(self.service.client)


def commit(scene: Scene, job_id: str, attempt_id: str, name: str) -> None:
    manifest = draft(new_model_id(), name) | {"job_id": job_id}
    scene.service.store.commit_publish(job_id, attempt_id, manifest)


def commit_the_running_job(scene: Scene) -> None:
    commit(scene, *scene.running, "new-name")


def finish_the_running_job(scene: Scene) -> None:
    commit_the_running_job(scene)
    scene.service.store.succeed(*scene.running)


def finish_and_pack_the_running_job(scene: Scene) -> None:
    finish_the_running_job(scene)
    HistoryPacker(scene.service.store, after_days=0).pack_all()


def finish_without_promotion(scene: Scene) -> None:
    commit(scene, *scene.running_again, "digits")
    scene.service.store.succeed(*scene.running_again)


def finish_and_promote(scene: Scene) -> None:
    finish_without_promotion(scene)
    scene.models.set_alias("digits", "production", 3, "alice")


def cancel_and_delete_the_running_job(scene: Scene) -> None:
    store, (job_id, attempt_id) = scene.service.store, scene.running
    store.cancel(job_id)
    store.finish(job_id, attempt_id, Outcome.CANCELLED)
    store.delete(job_id)
    scene.deleted.add(job_id)


def delete_a_finished_job(scene: Scene) -> None:
    scene.service.store.delete(scene.finished)
    scene.deleted.add(scene.finished)


def train_another_job(scene: Scene) -> None:
    scene.service.store.submit(make_job(name="newest"), Idempotency("newest", "hash"))
    job_id, attempt_id = claim(scene.service.store)
    commit(scene, job_id, attempt_id, "newest")
    scene.service.store.succeed(job_id, attempt_id)


def move_the_alias_and_delete_its_model(scene: Scene) -> None:
    scene.models.set_alias("digits", "production", 2, "alice")
    scene.models.begin_deletion(scene.first_model)
    scene.deleted.add(scene.first_model)
    scene.models.end_deletion(scene.first_model)


def begin_to_delete_a_model(scene: Scene) -> None:
    scene.models.set_alias("digits", "production", 2, "alice")
    scene.models.begin_deletion(scene.first_model)
    scene.deleted.add(scene.first_model)


def train_on_a_new_dataset(scene: Scene) -> None:
    import_record(scene.service.store, dataset_record("ds_new", "pets"))
    scene.service.store.submit(make_job(dataset="ds_new"))


def complete_the_import(scene: Scene) -> None:
    store, (import_id, attempt_id) = scene.service.store, scene.importing
    entry = entry_of(dataset_record("ds_birds", "birds"), "birds")
    store.succeed_import(import_id, attempt_id, "ds_birds", entry)
    resolved = make_spec(dataset="ds_birds", name="birds")
    store.release_waiting(scene.waiting, import_id, resolved, ())
    store.note_settled(import_id)


def wait_for_another_import(scene: Scene) -> None:
    import_id = scene.service.store.submit_import(new_import("fish")).dataset_import.id
    posted = JobSpec.model_validate({"dataset": "fish", "name": "fish"})
    scene.service.store.submit(NewJob(posted, "alice", waits_for=import_id))


def lose_and_claim_the_running_job(scene: Scene) -> None:
    store, (job_id, attempt_id) = scene.service.store, scene.running
    store.requeue(job_id, attempt_id, Outcome.CRASHED)
    claim(store)
