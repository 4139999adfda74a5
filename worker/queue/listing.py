"""Pages of jobs, newest first: what is asked for, and the steps that find it. Runs nothing itself."""

from dataclasses import dataclass, field

from worker.queue.job import Job, Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.scripts import Call, Reply

_LOOKED_AT_A_CALL = 2_000


@dataclass(frozen=True)
class JobFilters:
    """All that are given must hold."""

    status: Status | None = None
    name: str | None = None
    dataset: str | None = None
    tag: str | None = None

    def indexes(self) -> list[str]:
        """The sorted sets whose common members are asked for."""
        prefixes = {
            redis_keys.JOBS_BY_STATUS: self.status,
            redis_keys.JOBS_BY_NAME: self.name,
            redis_keys.JOBS_BY_DATASET: self.dataset,
            redis_keys.JOBS_BY_TAG: self.tag,
        }
        return [prefix + value for prefix, value in prefixes.items() if value is not None] or [
            redis_keys.JOBS
        ]


@dataclass(frozen=True)
class JobPage:
    """A page of jobs, newest first; the next one comes `after` the last of these."""

    jobs: list[Job]
    has_more: bool


@dataclass
class JobSearch:
    """One page in the making: with one filter it takes one call, with several perhaps more."""

    filters: JobFilters
    limit: int
    after: str = ""
    is_done: bool = False
    _found: list[Job] = field(default_factory=list)

    def next_call(self) -> Call[list[str]]:
        """The next step; one job more than the limit tells whether there are more."""
        missing = self.limit + 1 - len(self._found)
        arguments: tuple[str | int, ...] = (missing, self.after, _LOOKED_AT_A_CALL, *self.filters.indexes())
        return Call("list_jobs", arguments, lambda reply: reply)

    def take(self, reply: Reply) -> None:
        """Add what a step found."""
        self.after = reply[0]
        self._found += [Job.model_validate_json(job) for job in reply[1:]]
        self.is_done = not self.after or len(self._found) > self.limit

    def page(self) -> JobPage:
        """The page, once done."""
        return JobPage(self._found[: self.limit], len(self._found) > self.limit)
