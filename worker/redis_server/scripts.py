"""Lua scripts: where a script's text comes from, and a call of a script as a value. Sends nothing itself."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from worker.errors import WorkerError
from worker.redis_server import keys as redis_keys

_APPLY_ONCE = "redis_server/lua/apply_once.lua"

T = TypeVar("T")
Reply = list[str]


@dataclass(frozen=True)
class Script:
    """The complete text of one script, and the SHA-1 by which Redis caches the script."""

    text: str
    sha: str


@dataclass(frozen=True, eq=False)
class ScriptFolder:
    """A folder of scripts, and what all its scripts have in common."""

    path: str
    """Relative to the package `worker`, such as `queue/lua`."""
    shared: tuple[str, ...] = ()
    """Lua files whose functions each script may use, in the order of their dependence; paths as `path`."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Lua tables that each script may read, by name, beside `KEY`."""
    applied_once: frozenset[str] = frozenset()
    """Scripts whose every call has an id: Redis applies the call once, and a repetition gets the first reply.

    redis-py repeats a call when the reply was lost. The other scripts recognise a repetition by their own arguments.
    """
    refusals: tuple[type[WorkerError], ...] = ()
    """Errors which the scripts return as `{code, argument…}`; the arguments are those of the error's constructor."""

    def call(
        self, name: str, arguments: tuple[str | int, ...], read: Callable[[Reply], T]
    ) -> "ScriptCall[T]":
        """Describe one run of the script `name`, such as `requests/submit`. `read` parses what follows `ok` in the reply."""
        call_id = (secrets.token_hex(16),) if name in self.applied_once else ()
        return ScriptCall(self, name, (*arguments, *call_id), read)


@dataclass(frozen=True)
class ScriptCall(Generic[T]):
    """One run of a script: its arguments, and how to parse its reply."""

    folder: ScriptFolder
    name: str
    arguments: tuple[str | int, ...]
    parse: Callable[[Reply], T]

    def read(self, reply: Reply) -> T:
        """Parse a reply that begins with `ok`; raise the refusal whose code any other reply begins with."""
        if reply[0] == "ok":
            return self.parse(reply[1:])
        refusals: dict[str, Callable[..., WorkerError]] = {one.code: one for one in self.folder.refusals}
        raise refusals[reply[0]](*reply[1:])


@dataclass(frozen=True)
class Commands(Generic[T]):
    """Redis commands that run in one transaction, and how to read their results."""

    commands: tuple[tuple[str | int, ...], ...]
    read: Callable[[list[Any]], T]


def lua_table(entries: Mapping[str, object]) -> str:
    """Write a Lua table; the values are Lua expressions."""
    return "{" + ",".join(f"{name}={value}" for name, value in entries.items()) + "}"


def lua_set(names: Iterable[str]) -> str:
    """Write a Lua table that maps each name to true."""
    return lua_table(dict.fromkeys(sorted(names), "true"))


@cache
def load_script(folder: ScriptFolder, name: str) -> Script:
    """Assemble a script: the tables, the shared functions, then the script's own file."""
    keys = {name: f"'{key}'" for name, key in vars(redis_keys).items() if name.isupper()}
    tables = {"KEY": lua_table(keys), **folder.tables}
    constants = [f"local {table} = {entries}" for table, entries in tables.items()]
    paths = (*folder.shared, f"{folder.path}/{name}.lua")
    texts = [(files("worker") / path).read_text() for path in paths]
    if name in folder.applied_once:
        texts[-1] = (files("worker") / _APPLY_ONCE).read_text().replace("-- SCRIPT", texts[-1])
    text = "\n".join([*constants, *texts])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
