"""Records the final state of all work of one test run: records, events, datasets, models and uploads."""

import hashlib
import json
import time

from model.artifact.manifest import model_key
from model.data.record import IMAGES_FILE, RECORD_FILE, dataset_key
from model.data.report.index_file import INDEX_FILE
from ninefold.client.events import read_events
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.paths import item_path
from tests.chaos.cluster.retrying_http import Json, RetryingHttp
from worker.queue.ids import evaluation_file, upload_key
from worker.queue.kinds import Kind
from worker.queue.records import DatasetImport, EvaluationRun
from worker.queue.states import TERMINAL, Status
from worker.redis_server.keys import EVALUATIONS_BY_STATUS, IMPORTS_BY_STATUS

BETWEEN_LEASE_READS_S = 1.5


class FinalState:
    """Writes the final state of one test run into the history."""

    def __init__(self, cluster: Cluster, http: RetryingHttp, run_tag: str, name_prefix: str) -> None:
        """`run_tag`: all jobs of the run have it. `name_prefix`: the names of all its datasets begin with it."""
        self._cluster = cluster
        self._history = cluster.history
        self._http = http
        self._run_tag = run_tag
        self._name_prefix = name_prefix

    def record(self) -> None:
        """Record everything."""
        shown = {item_path(job_id): (job_id, status) for job_id, status in self._record_jobs()}
        shown |= {item_path(import_id): (import_id, status) for import_id, status in self._record_imports()}
        shown |= {item_path(run.id, run.model): (run.id, run.status) for run in self._record_evaluations()}
        for path, (item_id, status) in shown.items():
            if status in TERMINAL:
                self._record_events(item_id, path)
        self._record_models()
        self._record_datasets()
        if any(status not in TERMINAL for _, status in shown.values()):
            self._record_leases()

    def imports(self) -> list[DatasetImport]:
        """Return all imports of the run, also those that nobody knows of because their API died."""
        imports = map(self._cluster.store.get_import, self._ids(IMPORTS_BY_STATUS))
        return [one for one in imports if one.name.startswith(self._name_prefix)]

    def _evaluations(self) -> list[EvaluationRun]:
        runs = map(self._cluster.store.get_evaluation, self._ids(EVALUATIONS_BY_STATUS))
        return [run for run in runs if run.name.startswith(self._name_prefix)]

    def _ids(self, by_status: str) -> list[str]:
        redis = self._cluster.store.redis
        return sorted(
            str(item_id) for status in Status for item_id in redis.zrange(by_status + status, 0, -1)
        )

    def _record_jobs(self) -> list[tuple[str, str]]:
        jobs = self._http.read_all("/jobs", tag=self._run_tag)
        for job in jobs:
            epochs = [row["epoch"] for row in self._http.read(f"/jobs/{job['id']}/metrics")["data"]]
            keys = [tag.removeprefix("key=") for tag in job["tags"] if tag.startswith("key=")]
            self._add("final", work=Kind.TRAINING, item=job, key=keys[0], epochs=epochs)
        return [(job["id"], job["status"]) for job in jobs]

    def _record_imports(self) -> list[tuple[str, str]]:
        store = self._cluster.store
        imports, unsettled = self.imports(), set(store.ended_imports())
        for one in imports:
            self._add(
                "final",
                work=Kind.DATASET_IMPORT,
                item=one.model_dump(mode="json"),
                key=one.note or one.name.removeprefix(self._name_prefix).partition(".")[0],
                has_upload=self._cluster.storage.exists(upload_key(one.id)),
                is_settled=one.id not in unsettled,
                waiting=store.waiting_jobs(one.id),
            )
        return [(one.id, one.status) for one in imports]

    def _record_evaluations(self) -> list[EvaluationRun]:
        """Record the evaluations, with the hash of each file that storage holds."""
        runs, storage = self._evaluations(), self._cluster.storage
        for run in runs:
            folder = model_key(run.model, evaluation_file(run.id, ""))
            self._add(
                "final",
                work=Kind.EVALUATION,
                item=run.model_dump(mode="json"),
                key=run.name.removeprefix(self._name_prefix).partition(".")[0],
                files={
                    key.removeprefix(folder): hashlib.sha256(storage.read_bytes(key)).hexdigest()
                    for key in storage.list(folder)
                },
            )
        return runs

    def _record_datasets(self) -> None:
        """Record what each listed dataset is, and what its name finds."""
        for dataset in self._http.read_all("/datasets"):
            if dataset["name"].startswith(self._name_prefix):
                self._add("dataset", id=dataset["id"], name=dataset["name"], status=dataset["status"])
        for name in {one.name for one in self.imports()}:
            response = self._http.request("GET", f"/datasets/{name}")
            found = response.json() if response.is_success else None
            self._add("named", name=name, dataset=found, files=found and self._files_of(found))

    def _files_of(self, dataset: Json) -> list[str]:
        keys = {file: dataset_key(dataset["id"], file) for file in (IMAGES_FILE, INDEX_FILE, RECORD_FILE)}
        return [file for file, key in keys.items() if self._cluster.storage.exists(key)]

    def _record_events(self, item_id: str, path: str) -> None:
        """Record all events of ended work as a watcher receives them that connects now."""
        for event in read_events(self._http.request("GET", f"{path}/events")):
            if event.kind != "snapshot":
                self._history.add("replayed", item_id=item_id, id=event.id, event=event.kind, data=event.data)

    def _record_models(self) -> None:
        for key in self._cluster.storage.list("models/"):
            if key.endswith("/manifest.json"):
                manifest = json.loads(self._cluster.storage.read_bytes(key))
                self._history.add("manifest", model_id=manifest["id"], item_id=manifest["job_id"])

    def _record_leases(self) -> None:
        """Record the renewal counts twice, with more time in between than between two renewals."""
        for _ in range(2):
            for lease in self._cluster.store.watch().leases:
                self._history.add("lease", item_id=lease.item_id, renewals=lease.renewals)
            time.sleep(BETWEEN_LEASE_READS_S)

    def _add(self, kind: str, **facts: object) -> None:
        self._history.add(kind, run=self._run_tag, **facts)
