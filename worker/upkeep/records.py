"""The records in Redis as typed values, as a backup stores them. Knows neither the Redis client nor files."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from worker.redis_server import keys as redis_keys
from worker.redis_server.scripts import ScriptCall, ScriptFolder

_SCRIPTS = ScriptFolder(path="upkeep/lua")
_BULK = (redis_keys.ROWS, redis_keys.BESTS, redis_keys.LOGS, redis_keys.EVENTS, redis_keys.FEED)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(pattern=f"^{redis_keys.PREFIX}")]
    expires_at_ms: int | None = None

    @property
    def is_bulk(self) -> bool:
        """Whether this key holds the rows, log lines or events of a job, or the feed: data that can be large."""
        return self.key.startswith(_BULK)


class StringRecord(_Record):
    """A string or a counter."""

    type: Literal["string"] = "string"
    value: str


class HashRecord(_Record):
    """A hash: values by field."""

    type: Literal["hash"] = "hash"
    value: dict[str, str]


class ListRecord(_Record):
    """A list, or the members of a set in any order."""

    type: Literal["list", "set"]
    value: list[str]


class SortedSetRecord(_Record):
    """A sorted set: scores by member."""

    type: Literal["zset"] = "zset"
    value: dict[str, float]


class StreamRecord(_Record):
    """A stream: ids and fields of its entries, in order."""

    type: Literal["stream"] = "stream"
    value: list[tuple[str, dict[str, str]]]


Record = StringRecord | HashRecord | ListRecord | SortedSetRecord | StreamRecord
RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="type")])


class BulkKey(BaseModel):
    """A key that may hold much data: a snapshot only names it, and its content is read afterwards."""

    model_config = ConfigDict(frozen=True)

    key: str
    type: Literal["hash", "list", "stream"]
    last_id: str
    """Id of the last entry of a stream when the snapshot was taken; empty for other types."""


class Snapshot(BaseModel):
    """All records at one moment, but for the content of bulk keys."""

    model_config = ConfigDict(frozen=True)

    records: list[Record]
    bulk: list[BulkKey]


def take_snapshot() -> ScriptCall[Snapshot]:
    """Read all records in one step."""
    return _SCRIPTS.call("snapshot", {}, _read_snapshot)


def _read_snapshot(reply: Any) -> Snapshot:
    records, bulk = reply
    names = list(BulkKey.model_fields)
    return Snapshot(
        records=[_read_record(*record) for record in records],
        bulk=[BulkKey.model_validate(dict(zip(names, row, strict=True))) for row in bulk],
    )


def _read_record(key: str, kind: str, expires_at_ms: int, value: Any) -> Record:
    if kind in ("hash", "zset"):
        value = dict(zip(value[::2], value[1::2], strict=True))
    expires = {"expires_at_ms": expires_at_ms} if expires_at_ms > 0 else {}
    return RECORD.validate_python({"key": key, "type": kind, "value": value, **expires})
