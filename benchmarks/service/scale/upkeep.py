"""Measures how long backup and garbage collection block a server that holds many finished jobs."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.service.scale.footprint import Copier, footprint
from benchmarks.service.scale.jobs import SimulatedTraining, submit
from benchmarks.service.scale.server import MeasuredServer
from benchmarks.service.scale.table import Row
from model.storage.opening import open_storage
from worker.queue.ids import new_job_id, new_model_id
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.upkeep.backup.write import write_backup
from worker.upkeep.gc import find_unreferenced


def measure_upkeep(server: MeasuredServer, finished: int) -> Iterator[Row]:
    """Fill an empty server with finished jobs, then back up and collect garbage."""
    _fill(server, finished)
    many = f"{finished:,} finished jobs"
    used: int = server.redis.info("memory")["used_memory"]
    yield Row(f"memory of Redis, {many} of two epochs without progress", used / 1e9, "GB")
    client = connect(server.url)
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder).as_uri())
        yield from _blocking(server, f"gc, {many}", lambda: find_unreferenced(client, storage))
        with Path(os.devnull).open("wb") as sink:
            yield from _blocking(server, f"backup, {many}", lambda: write_backup(client, storage, sink))


def _blocking(server: MeasuredServer, name: str, action: Callable[[], object]) -> Iterator[Row]:
    started_at = time.monotonic()
    yield Row(f"longest command during {name}", server.longest_ms(action), "ms", "20")
    yield Row(f"duration of {name}", time.monotonic() - started_at, "s")


def _fill(server: MeasuredServer, finished: int) -> None:
    store = JobStore(server.redis)
    submit(store)
    training = SimulatedTraining(store)
    training.run(epochs=2, progress_per_epoch=0)  # a million streams of progress would fill the memory
    job, model = (footprint(server.redis, item_id) for item_id in (training.job_id, training.model_id))
    commands = list(dict.fromkeys([*job.commands, *model.commands]))
    Copier(server, commands).write(
        finished - 1, lambda: {training.job_id: new_job_id(), training.model_id: new_model_id()}
    )
    newest = store.list_jobs(limit=1).jobs[0]
    assert newest.is_finished, "the copies are no finished jobs"
    assert newest.id != training.job_id or finished == 1
