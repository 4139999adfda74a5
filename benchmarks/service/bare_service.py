"""The baseline of `overhead.py`: submit and read a job with FastAPI and redis-py alone, without any of Ninefold's guarantees."""

import os
import uuid
from typing import Any

import redis.asyncio
from fastapi import FastAPI, HTTPException

from model.spec import JobSpec

app = FastAPI()
store = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@app.post("/jobs", status_code=202)
async def submit(spec: JobSpec) -> Any:
    """Write one hash."""
    job: dict[Any, Any] = {
        "id": f"bare_{uuid.uuid4().hex}",
        "status": "queued",
        "spec": spec.model_dump_json(),
    }
    await store.hset(f"bare:{job['id']}", mapping=job)
    return job


@app.get("/jobs/{job_id}")
async def job(job_id: str) -> Any:
    """Read one hash."""
    found = await store.hgetall(f"bare:{job_id}")
    if not found:
        raise HTTPException(404)
    return found
