"""Measures how long backup and garbage collection block a server that holds many finished jobs."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from benchmarks.service.scale.footprint import Copier, footprint
from benchmarks.service.scale.freezes import watched_freezes
from benchmarks.service.scale.jobs import SimulatedTraining, submit
from benchmarks.service.scale.server import MeasuredServer
from benchmarks.service.scale.table import Row
from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE, model_key
from model.storage.opening import open_storage
from tests.worker.packing import packer
from worker.queue.ids import new_job_id, new_model_id
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.upkeep.backup.write import write_backup
from worker.upkeep.gc import find_unreferenced

_FILES = (MANIFEST_FILE, WEIGHTS_FILE)


def measure_upkeep(server: MeasuredServer, options: argparse.Namespace) -> Iterator[Row]:
    """Fill an empty server with finished jobs and a storage with models, then collect garbage and back up."""
    model_ids = _fill(server, options.finished)
    many = f"{options.finished:,} finished jobs"
    used: int = server.redis.info("memory")["used_memory"]
    yield Row(f"memory of Redis, {many} of two epochs, packed", used / 1e9, "GB")
    client = connect(server.url)
    with tempfile.TemporaryDirectory() as folder:
        objects = _store(Path(folder), islice(model_ids, options.objects // len(_FILES)))
        yield Row("objects in storage", objects, "")
        storage = open_storage(Path(folder).as_uri())
        yield from _blocking(server, f"gc, {many}", lambda: find_unreferenced(client, storage))
        with Path(os.devnull).open("wb") as sink:
            yield from _blocking(server, f"backup, {many}", lambda: write_backup(client, storage, sink))


def _blocking(server: MeasuredServer, name: str, action: Callable[[], object]) -> Iterator[Row]:
    started_at = time.monotonic()
    with watched_freezes(server.socket_path, server.pid) as freezes:
        longest_ms = server.longest_ms(action)
    yield Row(f"duration of {name}", time.monotonic() - started_at, "s")
    yield Row(f"longest command during {name}", longest_ms, "ms", "20")
    yield Row(f"longest wait of another client during {name}", freezes.longest_ms, "ms of CPU")


def _store(folder: Path, model_ids: Iterable[str]) -> int:
    """Write small files of models, which Redis knows, all older than garbage collection touches; return their number."""
    files = [folder / model_key(model_id, name) for model_id in model_ids for name in _FILES]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"{}")
        os.utime(file, (0, 0))
    return len(files)


def _fill(server: MeasuredServer, finished: int) -> list[str]:
    """Write finished jobs; return the ids of their models."""
    store = JobStore(server.redis)
    submit(store)
    training = SimulatedTraining(store)
    training.run(epochs=2, progress_per_epoch=0)
    packer(store).pack_all()
    job, model = (footprint(server.redis, item_id) for item_id in (training.job_id, training.model_id))
    commands = list(dict.fromkeys([*job.commands, *model.commands]))
    model_ids = [training.model_id]

    def new_ids() -> dict[str, str]:
        model_ids.append(new_model_id())
        return {training.job_id: new_job_id(), training.model_id: model_ids[-1]}

    Copier(server, commands).write(finished - 1, new_ids)
    newest = store.list_jobs(limit=1).jobs[0]
    assert newest.is_finished, "the copies are no finished jobs"
    assert newest.id != training.job_id or finished == 1
    return model_ids
