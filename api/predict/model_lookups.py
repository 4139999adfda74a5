"""Finds the models of requests: one question to Redis for all requests that ask for the same model at the same time."""

import asyncio

from worker.errors import StoreUnavailableError
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.models import RegisteredModel

_Key = tuple[str | None, str]


class ModelLookups:
    """Models by reference.

    A request shares only a question that is sent after the request came, and waits for the end of an earlier one. So it sees
    every change that was confirmed before, such as a promotion, and 32 clients ask hardly more often than one.
    """

    def __init__(self, registry: AsyncModelRegistry) -> None:
        self._registry = registry
        self._last: dict[_Key, asyncio.Task[RegisteredModel]] = {}
        """The question of each reference that was asked, or is to be asked, last."""
        self._joinable: dict[_Key, asyncio.Task[RegisteredModel]] = {}
        """Those that were not sent yet."""

    async def find(self, ref: str | None, project: str) -> RegisteredModel:
        """Return the model of a reference, or the only one in production; raises what `resolve` raises."""
        key = (ref, project)
        question = self._joinable.get(key)
        if question is None:
            question = asyncio.create_task(self._ask(key, self._last.get(key)))
            self._last[key] = self._joinable[key] = question
            question.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(question)  # when this request is given up, the others need the answer

    async def _ask(self, key: _Key, before: asyncio.Task[RegisteredModel] | None) -> RegisteredModel:
        if before is not None:
            await asyncio.wait([before])
        del self._joinable[key]
        if before is not None and isinstance(outage := before.exception(), StoreUnavailableError):
            raise outage  # a server that hangs took seconds to fail: the requests that waited for it do not wait again
        return await self._registry.resolve(*key)

    def _forget(self, key: _Key, question: asyncio.Task[RegisteredModel]) -> None:
        if self._last.get(key) is question:
            del self._last[key]
