"""A client that uses a cluster over HTTP, retries each request until it is answered, and records what it did and saw."""

import json
import math
import time
import uuid
import zlib

from model.artifact.manifest import MANIFEST_FILE, Manifest, model_key
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.final_state import FinalState
from tests.chaos.cluster.paths import item_path
from tests.chaos.cluster.pictures import MIN_FILES, zip_of_pictures
from tests.chaos.cluster.retrying_http import TIMEOUT_S, Json, RetryingHttp
from tests.chaos.cluster.watcher import Watcher
from tests.chaos.history.checker import check_history
from tests.chaos.instrumented.file_recording_importer import FAILURE_IN_NAME
from tests.ninefold.processes import eventually
from tests.worker.fixtures.counting_trainer import STEPS_PER_EPOCH
from tests.worker.samples import draft
from worker.errors import WrongStateError
from worker.queue.ids import IMPORT_PREFIX, new_model_id
from worker.queue.kinds import Kind
from worker.queue.states import TERMINAL
from worker.registry.model_registry import ModelRegistry

SPEC = {"recipe": "classic", "batch_size": 32, "image_size": 16, "promote": "never"}
"""The recipe with the fastest steps for few images, so that jobs are short."""
SETTLED_WITHIN_S = 40.0
"""Upkeep settles every 5 s; when its leader has died, another process is elected first."""
STATUS_OF_DATASET = {"ready": "succeeded", "rejected": "failed", "cancelled": "cancelled"}


class ClusterClient:
    """The client of one test run. Its jobs are tagged with the run and with the key of their submission; the names of
    its datasets contain both."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._history = cluster.history
        run = uuid.uuid4().hex[:12]
        self.tag = f"run={run}"
        self._name_prefix = f"{run}."
        self._http = RetryingHttp(cluster.urls)
        self._final_state = FinalState(cluster, self._http, self.tag, self._name_prefix)
        self._watchers: list[Watcher] = []
        self.job_ids: list[str] = []
        self.import_ids: list[str] = []
        self.models: dict[str, str] = {}
        """The model of each evaluation, by the evaluation's id."""

    def close(self) -> None:
        """Stop all watchers."""
        for watcher in self._watchers:
            watcher.wait(0)
        self._http.close()

    def start(self, kind: Kind, steps: int = MIN_FILES, *, watchers: int = 1, first: int = 0) -> str:
        """Submit work of a kind: so many steps, files or images, which take equally long."""
        if kind is Kind.EVALUATION:
            return self.evaluate(steps, watchers=watchers, first=first)
        if kind is Kind.DATASET_IMPORT:
            return self.upload(steps, watchers=watchers, first=first)
        return self.submit(math.ceil(steps / STEPS_PER_EPOCH), watchers=watchers, first=first)

    def submit(
        self,
        epochs: int = 3,
        *,
        dataset: str = "digits",
        watchers: int = 1,
        tags: tuple[str, ...] = (),
        first: int = 0,
    ) -> str:
        """Submit a job, retrying with the same key until it is answered; `first` is the API to try first."""
        key = self._new_key(first)
        body = SPEC | {"dataset": dataset, "epochs": epochs, "tags": [self.tag, f"key={key}", *tags]}
        response = self._http.request("POST", "/jobs", json=body, headers={"Idempotency-Key": key})
        assert response.status_code == 202, response.text
        job_id = str(response.json()["id"])
        self.job_ids.append(job_id)
        return self._note_accepted(job_id, key, watchers, dataset)

    def upload(
        self,
        files: int = MIN_FILES,
        *,
        fails: str | None = None,
        pictures: int | None = None,
        watchers: int = 1,
        first: int = 0,
    ) -> str:
        """Upload a zip, retrying with the same key until it is answered; return the id of its import.

        Args:
            files: number of pictures.
            fails: how the import process fails; one of FAILURES of the failing importer.
            pictures: equal numbers give equal pictures; by default every upload has other pictures.
            watchers: number of watchers of the import.
            first: the API to try first.
        """
        key = self._new_key(first)
        name = self._name_prefix + key + (FAILURE_IN_NAME + fails if fails else "")
        response = self._http.request(
            "POST",
            f"/datasets?name={name}",
            content=zip_of_pictures(zlib.crc32(key.encode()) if pictures is None else pictures, files),
            headers={"Idempotency-Key": key, "Content-Type": "application/zip"},
        )
        assert response.status_code in (201, 202), response.text
        # Only an import that is over before a repeated upload is answered shows as its dataset.
        body = response.json()
        import_id = body["id"] if body["status"] != "ready" else self._import_of(name)
        self.import_ids.append(import_id)
        return self._note_accepted(import_id, key, watchers)

    def make_version(self, import_id: str) -> str:
        """Add pictures to the dataset of an import, which has ended; return the id of the version's import.

        The note is the key, because all versions have one name.
        """
        key = self._new_key(0)
        response = self._http.request(
            "POST",
            f"/datasets/{self.name_of(import_id)}/versions?note={key}",
            content=zip_of_pictures(zlib.crc32(key.encode()), MIN_FILES),
            headers={"Idempotency-Key": key, "Content-Type": "application/zip"},
        )
        assert response.status_code == 202, response.text
        self.import_ids.append(str(response.json()["id"]))
        return self._note_accepted(self.import_ids[-1], key, 1)

    def evaluate(self, images: int, *, watchers: int = 1, first: int = 0) -> str:
        """Publish a model and evaluate it on so many images; return the id of the evaluation."""
        key = self._new_key(first)
        model_id = self._publish_model(f"{self._name_prefix}{key}.{images}")
        response = self._http.request(
            "POST",
            f"/models/{model_id}/evaluations",
            json={"dataset": "digits"},
            headers={"Idempotency-Key": key},
        )
        assert response.status_code == 202, response.text
        run_id = str(response.json()["id"])
        self.models[run_id] = model_id
        return self._note_accepted(run_id, key, watchers)

    def name_of(self, import_id: str) -> str:
        """Return the name of the dataset that an import makes."""
        return str(self.dataset(import_id)["name"])

    def watch(self, item_id: str) -> None:
        """Start a watcher of a work item."""
        number, path = len(self._watchers), self._path(item_id)
        self._watchers.append(Watcher(number, self._cluster.urls, item_id, path, self._history))

    def cancel(self, item_id: str) -> bool:
        """Cancel a work item; returns whether the cancel was accepted."""
        if item_id in self.models:
            return self._cancel_evaluation(item_id)
        if item_id.startswith(IMPORT_PREFIX):
            response = self._http.request("DELETE", self._path(item_id))
        else:
            response = self._http.request("POST", f"{self._path(item_id)}/cancel")
        assert response.status_code in (200, 409), response.text
        if response.is_success:
            self._history.add("cancel_accepted", item_id=item_id)
        return response.is_success

    def _cancel_evaluation(self, run_id: str) -> bool:
        """Cancel an evaluation by the call that the API makes: DELETE would delete one that has ended meanwhile."""
        try:
            self._cluster.store.cancel_item(run_id)
        except WrongStateError:
            return False
        self._history.add("cancel_accepted", item_id=run_id)
        return True

    def change(self, job_id: str, verb: str) -> None:
        """Request a change of a job; the API may refuse it."""
        if verb == "cancel":
            self.cancel(job_id)
            return
        response = self._http.request("POST", f"/jobs/{job_id}/{verb}")
        assert response.status_code in (200, 409), response.text

    def resume_all(self) -> None:
        """Resume all paused jobs; waits for those that are still pausing."""
        for job_id in self.job_ids:
            eventually(lambda j=job_id: self.job(j)["status"] != "pausing", TIMEOUT_S, "the job is paused")  # type: ignore[misc]
            if self.job(job_id)["status"] == "paused":
                self.change(job_id, "resume")

    def job(self, job_id: str) -> Json:
        """Return a job as the API shows it."""
        return self._http.read(f"/jobs/{job_id}")

    def dataset(self, import_id: str) -> Json:
        """Return the dataset of an import as the API shows it."""
        return self._http.read(f"/datasets/{import_id}")

    def find_dataset(self, ref: str) -> Json | None:
        """Return the dataset with this id or name, or the one that is being imported under it; None if there is none."""
        response = self._http.request("GET", f"/datasets/{ref}")
        assert response.status_code in (200, 404), response.text
        found: Json = response.json()
        return found if response.is_success else None

    def status(self, item_id: str) -> str:
        """Return the status of a work item, that of a dataset in the terms of a job."""
        status = str(self._http.read(self._path(item_id))["status"])
        return STATUS_OF_DATASET.get(status, status)

    def outcomes(self, item_id: str) -> list[str | None]:
        """Return the outcomes of all attempts, which the API shows of jobs alone."""
        item: Json = json.loads(self._cluster.store.get_json(item_id))
        return [attempt["outcome"] for attempt in item["attempts"]]

    def wait_until_begun(self, item_id: str) -> None:
        """Wait until a job has completed an epoch, an import read a file, or an evaluation predicted an image."""
        if item_id in self.job_ids:
            self.wait_for_epoch(item_id)
        else:
            path = self._path(item_id)
            eventually(lambda: self._http.read(path)["progress"], TIMEOUT_S, f"{item_id} has begun")

    def wait_for_epoch(self, job_id: str, epoch: int = 1) -> None:
        """Wait until a job has completed an epoch."""
        eventually(lambda: self._has_epoch(job_id, epoch), TIMEOUT_S, f"epoch {epoch} of {job_id}")

    def finish(self, within_s: float = TIMEOUT_S) -> None:
        """Wait until all work has ended, at most `within_s`; then record the final state of everything."""
        deadline = time.monotonic() + within_s
        items = [*self.job_ids, *self.import_ids, *self.models]
        while time.monotonic() < deadline and not all(map(self._has_finished, items)):
            time.sleep(0.1)
        for watcher in self._watchers:
            watcher.wait(max(1.0, deadline - time.monotonic()))
        self._wait_for_settlement()
        self._final_state.record()

    def check(self, within_s: float = TIMEOUT_S) -> None:
        """Wait until all work has ended, then check the history against every rule."""
        self.finish(within_s)
        check_history(self._history, self.tag)

    def _new_key(self, first: int) -> str:
        key = uuid.uuid4().hex[:16]
        self._history.add("submitted", run=self.tag, key=key)
        self._http.url_index = first
        return key

    def _note_accepted(self, item_id: str, key: str, watchers: int, dataset: str | None = None) -> str:
        self._history.add("accepted", run=self.tag, key=key, item_id=item_id, dataset=dataset)
        for _ in range(watchers):
            self.watch(item_id)
        return item_id

    def _path(self, item_id: str) -> str:
        return item_path(item_id, self.models.get(item_id, ""))

    def _publish_model(self, name: str) -> str:
        """Store and register a model without weights, which no evaluating process of a cluster reads."""
        model = Manifest.model_validate(draft(new_model_id(), name) | {"version": 1})
        data = model.model_dump_json()
        self._cluster.storage.put_bytes(model_key(model.id, MANIFEST_FILE), data.encode())
        ModelRegistry(self._cluster.store.redis).register(data)
        return model.id

    def _import_of(self, name: str) -> str:
        return next(one.id for one in self._final_state.imports() if one.name == name)

    def _wait_for_settlement(self) -> None:
        """Wait until the uploads of all ended imports are deleted; the checker reports it if they never are."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < deadline and set(self._cluster.store.ended_imports()) & set(self.import_ids):
            time.sleep(0.1)

    def _has_epoch(self, job_id: str, epoch: int) -> bool:
        metrics = self.job(job_id)["metrics"]
        return metrics is not None and metrics["epoch"] >= epoch

    def _has_finished(self, item_id: str) -> bool:
        response = self._http.request("GET", self._path(item_id))
        status = response.json().get("status")
        return response.is_success and STATUS_OF_DATASET.get(status, status) in TERMINAL
