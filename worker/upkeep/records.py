"""The records in Redis as typed values, as a backup stores them. Knows neither the Redis client nor files."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from worker.queue.kinds import Kind
from worker.queue.states import TERMINAL
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT

_OF_AN_ITEM = (redis_keys.ITEM, redis_keys.ROWS, redis_keys.BESTS, redis_keys.LOGS, redis_keys.EVENTS)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(pattern=f"^{redis_keys.PREFIX}")]
    expires_at_ms: int | None = None

    @property
    def is_bulk(self) -> bool:
        """Whether this key belongs to one work item, or is the feed: a restore writes it before the indexes that lead to it."""
        return self.key.startswith(_OF_AN_ITEM) or self.key == redis_keys.FEED


class StringRecord(_Record):
    """A string or a counter."""

    type: Literal["string"] = "string"
    value: str


class HashRecord(_Record):
    """A hash: values by field."""

    type: Literal["hash"] = "hash"
    value: dict[str, str]

    @property
    def is_item(self) -> bool:
        """Whether this is the record of a work item, not one of its lists or streams."""
        return self.key.startswith(redis_keys.ITEM)

    @property
    def kind(self) -> Kind | None:
        """The kind of a work item; None for one that only a later release knows."""
        name = self.value.get("kind", Kind.TRAINING)
        return Kind(name) if name in set(Kind) else None

    @property
    def project(self) -> str:
        """The project of a work item."""
        return self.value.get("project", DEFAULT_PROJECT)

    @property
    def is_finished(self) -> bool:
        """Whether the record of a work item says that the item has ended: it then never changes any more."""
        return self.value["status"] in TERMINAL


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
