"""Lua scripts: where a script's text comes from, and a call of a script as a value. Sends nothing itself."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from worker.errors import WorkerError
from worker.redis_server import keys as redis_keys

_APPLY_ONCE = "redis_server/lua/apply_once.lua"
_DECODED_ARGUMENTS = "local args = cjson.decode(ARGV[1])"
_ARGUMENTS = re.compile(r"^-- arguments: (.+)\n", re.MULTILINE)
_ARGUMENT = re.compile(r"\bargs\.(\w+)")
_INCLUDE = re.compile(r"^-- include: (\S+)\n", re.MULTILINE)
_CONSTANT = re.compile(r"\b[A-Z]+\.[A-Z_]+\b")
_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)
_DEFINITION = re.compile(r"^(?=local )", re.MULTILINE)
_NAMES = re.compile(r"local (?:function )?(\w+(?:, \w+)*)")

T = TypeVar("T")
Reply = list[str]


@dataclass(frozen=True)
class Script:
    """The complete text of one script, and the SHA-1 by which Redis caches the script."""

    text: str
    sha: str
    arguments: tuple[str, ...] = ()
    """Names of the arguments that Redis passes one by one; empty if it passes all of them as one JSON object."""

    def argv(self, given: Mapping[str, object]) -> tuple[str, ...]:
        """Write the arguments of a call as Redis passes them to the script."""
        return tuple(str(given[name]) for name in self.arguments) or (json.dumps(given),)


@dataclass(frozen=True, eq=False)
class ScriptFolder:
    """A folder of scripts, and what all its scripts have in common.

    A line `-- include: PATH` gives a script the functions of another Lua file; the path is relative to the package
    `worker`, and the file holds nothing but local definitions. Redis runs the whole text at each call, therefore a text
    holds nothing but what its script needs: keys and limits are written into it as literals, a table only if the text
    mentions it, and of the included functions only those that the script reaches.

    A script that runs often names its arguments, which are strings then: `-- arguments: NAME, NAME`. Redis passes them one
    by one, because decoding a JSON object takes as long as a command.
    """

    path: str
    """Relative to the package `worker`, such as `queue/lua`."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Lua tables that a script may read, by name."""
    constants: Mapping[str, str | int] = field(default_factory=dict)
    """Values that a script may read, by name, such as `LIMIT.DEATHS`; beside `KEY.…`, the table of keys."""
    applied_once: frozenset[str] = frozenset()
    """Scripts whose every call has an id: Redis applies the call once, and a repetition gets the first reply.

    redis-py repeats a call when the reply was lost. The other scripts recognise a repetition by their own arguments.
    """
    refusals: tuple[type[WorkerError], ...] = ()
    """Errors which the scripts return as `{code, argument…}`; the arguments are those of the error's constructor."""

    def call(self, name: str, arguments: Mapping[str, object], read: Callable[[Reply], T]) -> "ScriptCall[T]":
        """Describe one run of the script `name`, such as `requests/submit`.

        Args:
            name: path of the script in this folder, without `.lua`.
            arguments: JSON values; the script reads them as `args.NAME`, and None as nil.
            read: parses what follows `ok` in the reply.
        """
        given = {key: value for key, value in arguments.items() if value is not None}
        if name in self.applied_once:
            given["call_id"] = secrets.token_hex(16)
        return ScriptCall(self, name, given, read)


@dataclass(frozen=True)
class ScriptCall(Generic[T]):
    """One run of a script: its arguments, and how to parse its reply."""

    folder: ScriptFolder
    name: str
    arguments: Mapping[str, object]
    parse: Callable[[Reply], T]

    def read(self, reply: str | Reply) -> T:
        """Parse a reply that begins with `ok`; raise the refusal whose code any other list begins with.

        A script that runs often returns its only result as a string: Redis converts a list in the time of a command.
        """
        if isinstance(reply, str):
            return self.parse([reply])
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
    """Assemble a script: the tables it mentions, the included functions it reaches, then the script's own file."""
    path = f"{folder.path}/{name}.lua"
    *included, own = (_read(one) for one in _with_includes(path, set()))
    if name in folder.applied_once:
        own = _read(_APPLY_ONCE).replace("-- SCRIPT", own)
    listed = _ARGUMENTS.search(own)
    arguments = tuple(listed[1].split(", ")) if listed else ()
    own = _COMMENT.sub("", own)
    body = _with_literals("\n".join([*_reached("".join(included), own), own]), folder.constants)
    body = _with_arguments(body, arguments) if arguments else f"{_DECODED_ARGUMENTS}\n{body}"
    tables = [
        f"local {table} = {entries}"
        for table, entries in folder.tables.items()
        if re.search(rf"\b{table}\b", body)
    ]
    text = "\n".join([*tables, body])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), arguments)


def _read(path: str) -> str:
    return (files("worker") / path).read_text()


def _with_includes(path: str, seen: set[str]) -> Iterator[str]:
    """Yield the paths of all files that a file includes, each once and before the files that include it; then its own."""
    if path not in seen:
        seen.add(path)
        for included in _INCLUDE.findall(_read(path)):
            yield from _with_includes(included, seen)
        yield path


def _reached(included: str, own: str) -> list[str]:
    """Return the included definitions that the script uses, directly or through others, in their order."""
    reached: list[str] = []
    text = own
    # A definition uses only earlier ones.
    for definition in reversed(_DEFINITION.split(_COMMENT.sub("", included))[1:]):
        names = _NAMES.findall(definition)[0].split(", ")
        if any(re.search(rf"\b{name}\b", text) for name in names):
            reached.insert(0, definition)
            text += definition
    return reached


def _with_arguments(text: str, names: tuple[str, ...]) -> str:
    return _ARGUMENT.sub(lambda match: f"ARGV[{names.index(match[1]) + 1}]", text)


def _with_literals(text: str, constants: Mapping[str, str | int]) -> str:
    keys = {f"KEY.{name}": value for name, value in vars(redis_keys).items() if name.isupper()}
    literals = keys | dict(constants)
    # JSON's strings and numbers are Lua's too.
    return _CONSTANT.sub(lambda match: json.dumps(literals[match[0]]), text)
