"""Checks that Redis, storage and the predictor work. Knows no HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Any

import redis.asyncio

from api.health.schemas import Readiness
from api.health.storage_probe import StorageProbe
from api.predictor.client import PredictorClient
from api.records.storage_space import StorageSpace
from model.errors import StorageError, StorageFullError
from worker.redis_server.fitness import SETTINGS, persistence_warnings, settings_of_info
from worker.redis_server.refusals import WRITE_PROBE, explain, refusal_of

_OK = "ok"
_NO_ANSWER = "Redis does not answer: start it, or correct REDIS_URL."
_TIMEOUT_S = 3.0


class ReadinessChecks:
    """Checks all components at once."""

    def __init__(
        self,
        client: redis.asyncio.Redis,
        storage: StorageProbe,
        space: StorageSpace,
        cache: StorageProbe,
        predictor: PredictorClient,
    ) -> None:
        self._redis = client
        self._storage = storage
        self._space = space
        self._cache = cache
        self._predictor = predictor

    async def run(self) -> Readiness:
        """Return the current state of each component."""
        (redis_state, warnings), storage, predictor, space_warnings, cache_warning = await asyncio.gather(
            self._check_redis(),
            self._check_storage(),
            self._check_predictor(),
            self._check_space(),
            self._cache.failure(),
        )
        is_ready = redis_state == storage == predictor == _OK
        return Readiness(
            status="ready" if is_ready else "not_ready",
            redis=redis_state,
            storage=storage,
            predictor=predictor,
            warnings=[*warnings, *space_warnings, *filter(None, [cache_warning])],
        )

    async def _check_redis(self) -> tuple[str, list[str]]:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._redis.eval(WRITE_PROBE, 0)
                settings = await self._read_settings()
        except redis.RedisError as error:
            return _redis_failure(error), []
        except (TimeoutError, OSError):
            return _NO_ANSWER, []
        return _OK, persistence_warnings(settings)

    async def _read_settings(self) -> Mapping[Any, Any]:
        try:
            settings: Mapping[Any, Any] = await self._redis.config_get(*SETTINGS)
        except redis.ResponseError:  # a managed server may refuse CONFIG
            return settings_of_info(await self._redis.info("memory", "persistence"))
        return settings

    async def _check_storage(self) -> str:
        return await self._storage.failure() or _OK

    async def _check_predictor(self) -> str:
        is_ready = await self._predictor.is_ready()
        return _OK if is_ready else "The predictor is not running, or still starting."

    async def _check_space(self) -> list[str]:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await self._space.require()
        except StorageFullError as error:
            return [str(error)]
        except (StorageError, TimeoutError):
            pass  # `_check_storage` reports this failure
        return []


def _redis_failure(error: redis.RedisError) -> str:
    if refusal := refusal_of(error):
        return explain(refusal)
    if isinstance(error, redis.ResponseError):
        return f"Redis refuses a command ({error}): see the rights of Ninefold's user in docs/operations.md."
    return _NO_ANSWER
