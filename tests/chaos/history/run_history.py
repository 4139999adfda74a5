"""The entries of one test run, grouped as the rules need them. Checks nothing."""

from collections import defaultdict

from tests.chaos.history.history import Entry, History
from worker.queue.kinds import Kind


class RunHistory:
    """What happened to all work of one test run. An item is a job, an import or an evaluation."""

    def __init__(self, history: History, run_tag: str) -> None:
        def of_run(kind: str) -> list[Entry]:
            return [entry for entry in history.entries(kind) if entry["run"] == run_tag]

        self.submitted = [entry["key"] for entry in of_run("submitted")]
        self.accepted = of_run("accepted")
        self.finals = {entry["item"]["id"]: entry for entry in of_run("final")}
        self.items = {item_id: entry["item"] for item_id, entry in self.finals.items()}
        self.jobs = self._items_of(Kind.TRAINING)
        self.imports = self._items_of(Kind.DATASET_IMPORT)
        self.evaluations = self._items_of(Kind.EVALUATION)
        self.keys = {item_id: entry["key"] for item_id, entry in self.finals.items()}
        self.epochs = {job_id: self.finals[job_id]["epochs"] for job_id in self.jobs}
        self.replayed = self._by_item(history.entries("replayed"))
        self.claims = self._by_item(history.entries("claimed"))
        self.writes = self._by_item(history.entries("write"))
        self.steps = self._by_item(history.entries("step"))
        self.leases = self._by_item(history.entries("lease"))
        self.manifests = self._by_item(history.entries("manifest"))
        self.cancels = self._by_item(history.entries("cancel_accepted"))
        self.named = {entry["name"]: entry for entry in of_run("named")}
        self.listed: dict[str, list[str]] = defaultdict(list)
        for entry in of_run("dataset"):
            self.listed[entry["id"]].append(entry["status"])
        self.received: dict[tuple[str, str], list[str]] = defaultdict(list)
        for entry in history.entries("received"):
            if entry["item_id"] in self.items:
                self.received[entry["watcher"], entry["item_id"]].append(entry["id"])

    def _items_of(self, kind: Kind) -> dict[str, Entry]:
        return {item_id: entry["item"] for item_id, entry in self.finals.items() if entry["work"] == kind}

    def _by_item(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        by_item: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry["item_id"] in self.items:
                by_item[entry["item_id"]].append(entry)
        return by_item
