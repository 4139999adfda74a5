"""Finding the models of many requests with few questions to Redis."""

import asyncio

import redis

from api.predict.model_lookups import ModelLookups
from api.records.redis_client import connect_bounded
from tests.worker.samples import publish
from worker.queue.store import JobStore
from worker.redis_server.projects import DEFAULT_PROJECT
from worker.registry.model_registry import AsyncModelRegistry, ModelRegistry

_CLIENTS, _PROMOTIONS = 20, 10


def test_clients_share_questions_and_see_every_confirmed_promotion(
    redis_url: str, redis_client: redis.Redis
) -> None:
    store, registry = JobStore(redis_client), ModelRegistry(redis_client)
    publish(store)
    publish(store)

    async def run() -> int:
        connection = connect_bounded(redis_url)
        lookups, count = ModelLookups(AsyncModelRegistry(connection)), 0
        is_done = False

        async def ask() -> None:
            nonlocal count
            while not is_done:
                await lookups.find("digits", DEFAULT_PROJECT)
                count += 1

        clients = [asyncio.create_task(ask()) for _ in range(_CLIENTS)]
        for number in range(_PROMOTIONS):
            await asyncio.sleep(0.01)
            version = 1 + number % 2
            await asyncio.to_thread(registry.set_alias, "digits", "production", version, None)
            found = await lookups.find("digits", DEFAULT_PROJECT)
            assert found.manifest.version == version
        is_done = True
        await asyncio.gather(*clients)
        await connection.aclose()
        return count

    questions_before = _scripts(redis_client)
    answers = asyncio.run(run())
    assert 0 < _scripts(redis_client) - questions_before - _PROMOTIONS < answers / 2


def _scripts(client: redis.Redis) -> int:
    return int(client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))
