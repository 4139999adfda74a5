"""The cache loads once, keeps its budget, and never lets go of a model in use."""

import asyncio
from dataclasses import dataclass

import pytest

from api.predictor.serving.model_cache import ModelCache


@dataclass(frozen=True)
class Block:
    name: str
    size_bytes: int


class Shelf:
    """Where blocks come from, slowly; remembers each load."""

    def __init__(self, size_bytes: int = 10) -> None:
        self.loads: list[str] = []
        self.broken: set[str] = set()
        self._size_bytes = size_bytes

    async def load(self, name: str) -> Block:
        self.loads.append(name)
        await asyncio.sleep(0.01)
        if name in self.broken:
            raise OSError(name)
        return Block(name, self._size_bytes)


async def _use(cache: ModelCache[Block], name: str) -> Block:
    async with cache.use(name) as block:
        return block


def test_many_at_once_share_one_load() -> None:
    shelf = Shelf()

    async def use() -> list[Block]:
        cache = ModelCache(shelf.load, budget_bytes=100)
        return list(await asyncio.gather(*(_use(cache, "a") for _ in range(20))))

    assert len({id(block) for block in asyncio.run(use())}) == 1
    assert shelf.loads == ["a"]


def test_the_least_recently_used_goes_first() -> None:
    shelf = Shelf()

    async def use() -> list[str]:
        cache = ModelCache(shelf.load, budget_bytes=20)
        for name in ("a", "b", "a", "c"):
            await _use(cache, name)
        return cache.loaded

    assert asyncio.run(use()) == ["a", "c"]
    assert shelf.loads == ["a", "b", "c"]


def test_a_model_in_use_stays_even_over_the_budget() -> None:
    shelf = Shelf()

    async def use() -> tuple[list[str], list[str]]:
        cache = ModelCache(shelf.load, budget_bytes=10)
        async with cache.use("a"):
            await _use(cache, "b")
            during = cache.loaded
        await _use(cache, "c")
        return during, cache.loaded

    assert asyncio.run(use()) == (["a"], ["c"])


def test_a_failed_load_is_told_to_all_who_wait_and_tried_again_later() -> None:
    shelf = Shelf()
    shelf.broken.add("a")

    async def use() -> None:
        cache = ModelCache(shelf.load, budget_bytes=100)
        outcomes = await asyncio.gather(*(_use(cache, "a") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, OSError) for outcome in outcomes)
        shelf.broken.clear()
        assert (await _use(cache, "a")).name == "a"

    asyncio.run(use())
    assert shelf.loads == ["a", "a"]


def test_a_caller_who_leaves_does_not_end_the_load_of_the_others() -> None:
    shelf = Shelf()

    async def use() -> Block:
        cache = ModelCache(shelf.load, budget_bytes=100)
        leaves = asyncio.create_task(_use(cache, "a"))
        stays = asyncio.create_task(_use(cache, "a"))
        await asyncio.sleep(0)
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        return await stays

    assert asyncio.run(use()).name == "a"
    assert shelf.loads == ["a"]
