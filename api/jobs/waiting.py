"""Waits until a job's state changes (`GET /jobs/{id}?wait_s=`)."""

import asyncio
import json
import time

from api.feed.hub import EventHub
from api.feed.watcher import WatchEnded, Watcher
from api.records.jobs import JobReader
from worker.queue.states import TERMINAL


async def read_changed_job(jobs: JobReader, hub: EventHub, job_id: str, wait_s: float) -> str:
    """Return a job's JSON once its status or phase has changed, or after `wait_s`; at once if the job has finished."""
    if not wait_s:
        return await jobs.json(job_id)
    deadline = time.monotonic() + wait_s
    with hub.watch(job_id) as watcher:
        job_json = first = await jobs.json(job_id)
        while _state(job_json) == _state(first) and not _is_finished(first):
            if not await _receives_state_event(watcher, deadline):
                break
            job_json = await jobs.json(job_id)
    return job_json


async def _receives_state_event(watcher: Watcher, deadline: float) -> bool:
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            while True:
                batches = await watcher.take()
                if any(event.event == "state" for batch in batches for event in batch.events):
                    return True
    except (TimeoutError, WatchEnded):
        return False  # the answer is the last known state, and the client asks again


def _state(job_json: str) -> tuple[str, str | None]:
    job = json.loads(job_json)
    return job["status"], job["phase"]


def _is_finished(job_json: str) -> bool:
    return _state(job_json)[0] in TERMINAL
