"""Pages of jobs, newest first: the filters, and the script calls that find a page. Sends nothing itself."""

from dataclasses import dataclass, field

from worker.queue.records import Job
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.queue.states import Status
from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Reply, ScriptCall

_IDS_READ_PER_CALL = 2_000
"""Bounds how long one call may block Redis."""


@dataclass(frozen=True)
class JobFilters:
    """Conditions on the listed jobs; a job must match all that are given."""

    status: Status | None = None
    name: str | None = None
    dataset: str | None = None
    tag: str | None = None
    project: str = DEFAULT_PROJECT

    def indexes(self) -> list[str]:
        """Return the sorted sets whose intersection holds the matching jobs."""
        prefixes = {
            redis_keys.JOBS_BY_NAME: self.name,
            redis_keys.JOBS_BY_DATASET: self.dataset,
            redis_keys.JOBS_BY_TAG: self.tag,
        }
        own = [
            scoped(self.project, prefix) + value for prefix, value in prefixes.items() if value is not None
        ] or [scoped(self.project, redis_keys.JOBS)]
        # The indexes by status hold the jobs of all projects, because reapers read them.
        return own if self.status is None else [*own, redis_keys.JOBS_BY_STATUS + self.status]


@dataclass(frozen=True)
class JobPage:
    """A page of jobs, newest first. Pass the id of the last job as `after` for the next page."""

    jobs: list[Job]
    has_more: bool


@dataclass
class JobSearch:
    """The search for one page: one call with a single filter, perhaps several calls with several filters."""

    filters: JobFilters
    limit: int
    after: str = ""
    is_done: bool = False
    _found: list[Job] = field(default_factory=list)

    def next_call(self) -> ScriptCall[list[str]]:
        """Return the next call. The search asks for one job more than `limit`, to know whether more exist."""
        missing = self.limit + 1 - len(self._found)
        arguments = {
            "limit": missing,
            "after": self.after,
            "budget": _IDS_READ_PER_CALL,
            "indexes": self.filters.indexes(),
        }
        return QUEUE_SCRIPTS.call("reads/list_items", arguments, lambda reply: reply)

    def add(self, reply: Reply) -> None:
        """Add the jobs that a call found."""
        self.after = reply[0]
        self._found += [Job.model_validate_json(job) for job in reply[1:]]
        self.is_done = not self.after or len(self._found) > self.limit

    def page(self) -> JobPage:
        """Return the page once the search is done."""
        return JobPage(self._found[: self.limit], len(self._found) > self.limit)
