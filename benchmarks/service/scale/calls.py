"""Measures single calls, jobs and fleets on one server."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator

from benchmarks.service.scale.fleet import Fleet, SimulatedUpkeep, SimulatedWorker, feed_readers, load
from benchmarks.service.scale.footprint import footprint, own_bytes
from benchmarks.service.scale.jobs import SimulatedTraining, replayed_events, submit
from benchmarks.service.scale.server import MeasuredServer
from benchmarks.service.scale.table import Row
from tests.worker.packing import packer
from worker.queue.ids import new_attempt_id
from worker.queue.store import JobStore
from worker.redis_server.connection import connect
from worker.upkeep.upkeep import CANDIDATE_EVERY_S

_WIDE = 8


def measure_calls(server: MeasuredServer, options: argparse.Namespace) -> Iterator[Row]:
    """Measure on an empty server; each step leaves its jobs to the next one."""
    store = JobStore(connect(server.url))
    yield from _finished_job(server, store)
    workers = [SimulatedWorker(server.url, number) for number in range(options.workers)]
    for worker in workers:
        worker.begin_job()
    yield from _fleet(server, workers, options)
    yield from _single_calls(server, store, workers, options.jobs)
    for _ in range(options.queued - options.jobs):
        submit(store, gpus=_WIDE)
    yield _claim(server, store, options.queued)


def _finished_job(server: MeasuredServer, store: JobStore) -> Iterator[Row]:
    submit(store)
    training = SimulatedTraining(store)
    training.run(epochs=20)
    model = footprint(server.redis, training.model_id)
    events = replayed_events(store, training.job_id)
    yield Row("finished job of 10 minutes, at its end", _job_kb(server, training.job_id), "kB")
    packer(store).pack_all()
    yield Row("finished job of 10 minutes, packed", _job_kb(server, training.job_id), "kB", "15")
    assert replayed_events(store, training.job_id) == events
    model_bytes = own_bytes(server.redis, model.own_keys) + model.shared_bytes
    yield Row("the model that it published", model_bytes / 1e3, "kB")
    kinds = Counter(event.event for event in events)
    yield Row("its events in a replay: progress", kinds.pop("progress", 0), "")
    yield Row("its events in a replay: all others", kinds.total(), "")


def _job_kb(server: MeasuredServer, job_id: str) -> float:
    job = footprint(server.redis, job_id)
    return (own_bytes(server.redis, job.own_keys) + job.shared_bytes) / 1e3


def _fleet(
    server: MeasuredServer, workers: list[SimulatedWorker], options: argparse.Namespace
) -> Iterator[Row]:
    fleet = Fleet(workers, [SimulatedUpkeep(server.url) for _ in range(len(workers) + options.api_processes)])

    def row(name: str, act: Callable[[int], object], target: str = "") -> Row:
        share = load(server, workers, options.seconds, act)
        return Row(f"{len(workers):,} workers: {name}", 100 * share, "% of a core", target)

    for worker in workers:
        worker.send_heartbeat()
    for second in range(round(CANDIDATE_EVERY_S)):  # all processes connect, and two are elected
        fleet.keep_up(second)
    yield Row("renew", server.call_us(workers[0].renew), "µs", "15")
    yield Row("heartbeat", server.call_us(workers[0].send_heartbeat), "µs")
    yield row("nothing, with all connections", lambda _: None)
    yield row("renewals and heartbeats", fleet.renew)
    yield row("upkeep", fleet.keep_up)
    watched = [worker.job_id for worker in workers[: options.watchers // options.api_processes]]
    with feed_readers(server.url, options.api_processes, watched):
        yield row("progress, read by watchers", fleet.report)
        yield row("together", fleet.do_everything, "25")


def _single_calls(
    server: MeasuredServer, store: JobStore, workers: list[SimulatedWorker], jobs: int
) -> Iterator[Row]:
    running_id, first_id, queued_id = workers[0].job_id, submit(store), submit(store, gpus=_WIDE)
    for _ in range(jobs - len(workers) - 2):
        submit(store, gpus=_WIDE)
    calls: dict[str, tuple[Callable[[], object], str]] = {
        "submit": (lambda: submit(store, gpus=_WIDE), "150"),
        "get of a running job": (lambda: store.get(running_id), ""),
        "get of the first queued job": (lambda: store.get(first_id), ""),
        "get of another queued job": (lambda: store.get(queued_id), ""),
        "list of 20 queued jobs": (store.list_jobs, ""),
    }
    for name, (call, target) in calls.items():
        for worker in workers:  # heartbeats expire after 15 s
            worker.send_heartbeat()
        yield Row(f"{name}, {jobs:,} jobs, {len(workers):,} live workers", server.call_us(call), "µs", target)
    store.cancel(first_id)


def _claim(server: MeasuredServer, store: JobStore, queued: int) -> Row:
    def claim_nothing() -> None:
        assert store.claim("host:1", new_attempt_id(), 1) is None

    name = f"claim, {queued:,} queued jobs that need more devices"
    return Row(name, server.call_us(claim_nothing, repeats=5) / 1e3, "ms", "1")
