"""The stored JSON of a job: adds links without parsing it, and reads its state."""

import json
from collections.abc import Sequence

from starlette.requests import Request

from api.http.links import root_path
from worker.queue.records import Job
from worker.queue.states import TERMINAL


def job_url(request: Request, job_id: str) -> str:
    """Return the path of a job, with the prefix of the proxy in front of the API."""
    return f"{root_path(request)}/jobs/{job_id}"


def with_links(request: Request, job_id: str, job_json: str) -> str:
    """Append `links` to the JSON object of a job."""
    url = job_url(request, job_id)
    return (
        f'{job_json[:-1]},"links":{{"self":"{url}","events":"{url}/events",'
        f'"metrics":"{url}/metrics","logs":"{url}/logs"}}}}'
    )


def jobs_json(request: Request, jobs: Sequence[Job]) -> str:
    """Write jobs with links as a JSON array."""
    return f"[{','.join(with_links(request, job.id, job.model_dump_json()) for job in jobs)}]"


def state_of(job_json: str) -> tuple[str, str | None, str | None]:
    """Return the status, the phase and the reason of waiting of a job."""
    job = json.loads(job_json)
    return job["status"], job["phase"], job["queued_reason"]


def is_finished(job_json: str) -> bool:
    """Return whether a job has ended."""
    return json.loads(job_json)["status"] in TERMINAL
