"""The cache loads each model once, keeps its memory budget, and never evicts a model in use."""

import asyncio
from dataclasses import dataclass

import pytest

from api.predictor.serving.model_cache import ModelCache


@dataclass(frozen=True)
class FakeModel:
    name: str
    size_bytes: int


class SlowLoader:
    """Loads models slowly and records each load."""

    def __init__(self, size_bytes: int = 10) -> None:
        self.loads: list[str] = []
        self.failing: set[str] = set()
        self._size_bytes = size_bytes

    async def load(self, name: str) -> FakeModel:
        self.loads.append(name)
        await asyncio.sleep(0.01)
        if name in self.failing:
            raise OSError(name)
        return FakeModel(name, self._size_bytes)


async def _use(cache: ModelCache[FakeModel], name: str) -> FakeModel:
    async with cache.use(name) as model:
        return model


def test_concurrent_users_share_one_load() -> None:
    loader = SlowLoader()

    async def use() -> list[FakeModel]:
        cache = ModelCache(loader.load, budget_bytes=100)
        return list(await asyncio.gather(*(_use(cache, "a") for _ in range(20))))

    assert len({id(model) for model in asyncio.run(use())}) == 1
    assert loader.loads == ["a"]


def test_the_least_recently_used_model_is_evicted_first() -> None:
    loader = SlowLoader()

    async def use() -> list[str]:
        cache = ModelCache(loader.load, budget_bytes=20)
        for name in ("a", "b", "a", "c"):
            await _use(cache, name)
        return cache.loaded

    assert asyncio.run(use()) == ["a", "c"]
    assert loader.loads == ["a", "b", "c"]


def test_a_model_in_use_stays_loaded_even_over_the_budget() -> None:
    loader = SlowLoader()

    async def use() -> tuple[list[str], list[str]]:
        cache = ModelCache(loader.load, budget_bytes=10)
        async with cache.use("a"):
            await _use(cache, "b")
            during = cache.loaded
        await _use(cache, "c")
        return during, cache.loaded

    assert asyncio.run(use()) == (["a"], ["c"])


def test_a_failed_load_fails_all_waiting_callers_and_the_next_caller_loads_again() -> None:
    loader = SlowLoader()
    loader.failing.add("a")

    async def use() -> None:
        cache = ModelCache(loader.load, budget_bytes=100)
        outcomes = await asyncio.gather(*(_use(cache, "a") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, OSError) for outcome in outcomes)
        loader.failing.clear()
        assert (await _use(cache, "a")).name == "a"

    asyncio.run(use())
    assert loader.loads == ["a", "a"]


def test_the_cancellation_of_one_caller_does_not_cancel_the_load_of_the_others() -> None:
    loader = SlowLoader()

    async def use() -> FakeModel:
        cache = ModelCache(loader.load, budget_bytes=100)
        leaves = asyncio.create_task(_use(cache, "a"))
        stays = asyncio.create_task(_use(cache, "a"))
        await asyncio.sleep(0)
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        return await stays

    assert asyncio.run(use()).name == "a"
    assert loader.loads == ["a"]
