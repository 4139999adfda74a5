"""The Lua scripts and how to run one: each is written once and spoken by a blocking and an async face."""

import hashlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from importlib.resources import files
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import redis
import redis.asyncio
from redis.exceptions import NoScriptError

from worker import errors
from worker.queue import job as jobs
from worker.redis_server import keys as redis_keys

LIMITS = {
    "JOB_EVENTS": 10_000,
    "FEED_EVENTS": 20_000,
    "LOG_LINES": 2_000,
    "DEATHS": jobs.DEATHS_ALLOWED,
}
_PRELUDE = ("prelude", "job_json", "models")
_REFUSALS: Mapping[str, Callable[..., errors.JobsError]] = {
    refusal.code: refusal
    for refusal in (
        errors.JobNotFoundError,
        errors.StaleAttemptError,
        errors.WrongStateError,
        errors.PublishCommittedError,
        errors.JobCancelledError,
        errors.NothingToPublishError,
        errors.NothingCommittedError,
        errors.QueueFullError,
        errors.IdempotencyMismatchError,
        errors.ModelNotFoundError,
        errors.NoProductionError,
        errors.ModelInUseError,
        errors.AliasNotFoundError,
        errors.DatasetNotFoundError,
        errors.DatasetNameTakenError,
    )
}
_PASSING = ("OOM", "MISCONF", "READONLY", "NOREPLICAS", "BUSY")
"""How a server begins when it answers but takes no write for now: memory or disk full, or after a failover."""

T = TypeVar("T")
P = ParamSpec("P")
Reply = list[str]


@dataclass(frozen=True)
class Script:
    """One script's whole text and the hash that the server knows it by."""

    text: str
    sha: str


@dataclass(frozen=True)
class Call(Generic[T]):
    """One script with its arguments, and how to read what follows the reply's `ok`."""

    name: str
    arguments: tuple[str | int, ...]
    read: Callable[[Reply], T]


def _lua_table(entries: Mapping[str, object]) -> str:
    return "{" + ",".join(f"{name}={value}" for name, value in entries.items()) + "}"


def _lua_set(names: Iterable[str]) -> str:
    return _lua_table(dict.fromkeys(sorted(names), "true"))


@cache
def _constants() -> str:
    keys = {name: f"'{key}'" for name, key in vars(redis_keys).items() if name.isupper()}
    transitions = {str(status): _lua_set(successors) for status, successors in jobs.TRANSITIONS.items()}
    tables = {
        "KEY": _lua_table(keys),
        "TRANSITIONS": _lua_table(transitions),
        "TERMINAL": _lua_set(jobs.TERMINAL),
        "HELD": _lua_set(jobs.HELD),
        "DEATHS": _lua_set(jobs.DEATHS),
        "LIMIT": _lua_table(LIMITS),
    }
    return "".join(f"local {name} = {table}\n" for name, table in tables.items())


@cache
def load_script(name: str) -> Script:
    """Read a script from `lua/` and put what all of them share above it."""
    folder = files("worker") / "lua"
    parts = [(folder / f"{part}.lua").read_text() for part in (*_PRELUDE, name)]
    text = _constants() + "\n".join(parts)
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _read(call: Call[T], reply: Reply) -> T:
    if reply[0] == "ok":
        return call.read(reply[1:])
    raise _REFUSALS[reply[0]](*reply[1:])


def _raise_if_passing(error: redis.RedisError) -> None:
    """Say of a trouble that will pass that it will; a fault of our own scripts stays what it is."""
    is_away = isinstance(error, (redis.ConnectionError, redis.TimeoutError))
    if is_away or (error.status_code or str(error)).startswith(_PASSING):
        raise errors.StoreUnavailableError(
            f"Redis cannot do this now ({type(error).__name__}): try again."
        ) from error


class BlockingFace:
    """Runs scripts over a blocking client."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client

    def run(self, call: Call[T]) -> T:
        """Run one script and read its reply; a refusal is raised."""
        try:
            return _read(call, self._evaluate(load_script(call.name), call.arguments))
        except redis.RedisError as error:
            _raise_if_passing(error)
            raise

    def _evaluate(self, script: Script, arguments: tuple[str | int, ...]) -> Any:
        try:
            return self.redis.evalsha(script.sha, 0, *arguments)
        except NoScriptError:  # a new server, or a restarted one: say it in full, once
            return self.redis.eval(script.text, 0, *arguments)


class AsyncFace:
    """Runs the same scripts over an asyncio client."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.redis = client

    async def run(self, call: Call[T]) -> T:
        """Run one script and read its reply; a refusal is raised."""
        try:
            return _read(call, await self._evaluate(load_script(call.name), call.arguments))
        except redis.RedisError as error:
            _raise_if_passing(error)
            raise

    async def _evaluate(self, script: Script, arguments: tuple[str | int, ...]) -> Any:
        try:
            return await self.redis.evalsha(script.sha, 0, *arguments)
        except NoScriptError:
            return await self.redis.eval(script.text, 0, *arguments)


def blocking(build: Callable[P, Call[T]]) -> Callable[Concatenate[BlockingFace, P], T]:
    """Make the blocking method of a call."""

    @wraps(build)
    def method(face: BlockingFace, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return face.run(build(*args, **kwargs))

    return method


def awaited(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncFace, P], Coroutine[Any, Any, T]]:
    """Make the async method of a call."""

    @wraps(build)
    async def method(face: AsyncFace, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await face.run(build(*args, **kwargs))

    return method
