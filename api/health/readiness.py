"""Looks whether Redis, storage and predictor work; knows no HTTP."""

import asyncio
from typing import Any

import redis

from api.schemas import Readiness
from api.services import Services
from model.errors import StorageError, StorageFullError

_OK = "ok"
_TIMEOUT_S = 3.0


async def readiness(services: Services) -> Readiness:
    """Each part as it is now."""
    (redis_state, warnings), storage, predictor, room = await asyncio.gather(
        _redis(services), _storage(services), _predictor(services), _room(services)
    )
    is_ready = redis_state == storage == predictor == _OK
    return Readiness(
        status="ready" if is_ready else "not_ready",
        redis=redis_state,
        storage=storage,
        predictor=predictor,
        warnings=[*warnings, *room],
    )


async def _redis(services: Services) -> tuple[str, list[str]]:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            about: Any = await services.store.redis.config_get("append*")
    except (redis.RedisError, TimeoutError, OSError):
        return "Redis does not answer: start it, or correct REDIS_URL.", []
    if about.get("appendonly") != "yes":
        return _OK, ["Redis does not persist (appendonly is no): a restart of it loses every job."]
    if about.get("appendfsync") != "always":
        return _OK, ["Redis may lose the last moment in a power cut (appendfsync is not always)."]
    return _OK, []


async def _storage(services: Services) -> str:
    return await services.storage_probe.trouble() or _OK


async def _room(services: Services) -> list[str]:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await services.storage_room.require()
    except StorageFullError as error:
        return [str(error)]
    except (StorageError, TimeoutError):
        pass  # the line about storage says it
    return []


async def _predictor(services: Services) -> str:
    is_ready = await services.predictor.is_ready()
    return _OK if is_ready else "The predictor is not running, or still starting."
