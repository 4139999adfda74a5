"""Runs script calls and Redis commands: the same calls over a blocking and over an asyncio client."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import redis
import redis.asyncio
from redis.exceptions import NoScriptError

from worker.errors import StoreRefusedError, StoreUnavailableError
from worker.redis_server import scripts
from worker.redis_server.refusals import changed_nothing, explain, refusal_of
from worker.redis_server.scripts import Commands, Script, ScriptCall

T = TypeVar("T")
P = ParamSpec("P")
Operation = ScriptCall[T] | Commands[T]


@contextmanager
def outages_as_unavailable() -> Iterator[None]:
    """Raise StoreUnavailableError for every temporary error; other errors of Redis stay as they are."""
    try:
        yield
    except redis.RedisError as error:
        if refusal := refusal_of(error):
            error_class = StoreRefusedError if changed_nothing(refusal) else StoreUnavailableError
            raise error_class(explain(refusal)) from error
        if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
            raise StoreUnavailableError(
                f"Redis cannot do this now ({type(error).__name__}): try again."
            ) from error
        raise


class StoreClient:
    """Runs operations over a blocking client."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client

    def run(self, operation: Operation[T]) -> T:
        """Run one operation and return its parsed result; a refusal by a script is raised.

        Raises:
            StoreUnavailableError: Redis cannot be reached or accepts no write for now.
        """
        with outages_as_unavailable():
            if isinstance(operation, Commands):
                return operation.read(self._execute(operation))
            script = scripts.load_script(operation.folder, operation.name)
            return operation.read(self._evaluate(script, script.argv(operation.arguments)))

    def _execute(self, operation: Commands[Any]) -> list[Any]:
        with self.redis.pipeline(transaction=len(operation.commands) > 1) as pipe:
            for command in operation.commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            return pipe.execute()

    def _evaluate(self, script: Script, arguments: tuple[str, ...]) -> Any:
        try:
            return self.redis.evalsha(script.sha, 0, *arguments)
        except NoScriptError:  # the server is new or was restarted: send the whole text once
            return self.redis.eval(script.text, 0, *arguments)


class AsyncStoreClient:
    """Runs the same operations over an asyncio client."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.redis = client

    async def run(self, operation: Operation[T]) -> T:
        """Run one operation and return its parsed result; a refusal by a script is raised.

        Raises:
            StoreUnavailableError: Redis cannot be reached or accepts no write for now.
        """
        with outages_as_unavailable():
            if isinstance(operation, Commands):
                return operation.read(await self._execute(operation))
            script = scripts.load_script(operation.folder, operation.name)
            return operation.read(await self._evaluate(script, script.argv(operation.arguments)))

    async def _execute(self, operation: Commands[Any]) -> list[Any]:
        async with self.redis.pipeline(transaction=len(operation.commands) > 1) as pipe:
            for command in operation.commands:
                pipe.execute_command(*command)
            return await pipe.execute()

    async def _evaluate(self, script: Script, arguments: tuple[str, ...]) -> Any:
        try:
            return await self.redis.evalsha(script.sha, 0, *arguments)
        except NoScriptError:
            return await self.redis.eval(script.text, 0, *arguments)


def blocking_method(build: Callable[P, Operation[T]]) -> Callable[Concatenate[StoreClient, P], T]:
    """Turn a function that builds an operation into a method of a blocking client that runs it."""

    @wraps(build)
    def method(client: StoreClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.run(build(*args, **kwargs))

    return method


def async_method(
    build: Callable[P, Operation[T]],
) -> Callable[Concatenate[AsyncStoreClient, P], Coroutine[Any, Any, T]]:
    """Turn a function that builds an operation into a method of an asyncio client that runs it."""

    @wraps(build)
    async def method(client: AsyncStoreClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client.run(build(*args, **kwargs))

    return method
