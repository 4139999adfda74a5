"""The store of record, blocking for workers and async for the API; both speak the same scripts."""

from worker.queue import changes as job_calls
from worker.queue import reads as job_reads
from worker.queue.listing import JobFilters, JobPage, JobSearch
from worker.redis_server.scripts import AsyncFace, BlockingFace, awaited, blocking

EVERY_JOB = JobFilters()


class JobStore(BlockingFace):
    """Every job's record, over a blocking client."""

    submit = blocking(job_calls.submit)
    replay = blocking(job_calls.replay)
    cancel = blocking(job_calls.cancel)
    stop = blocking(job_calls.stop)
    pause = blocking(job_calls.pause)
    resume = blocking(job_calls.resume)
    delete = blocking(job_calls.delete)
    claim = blocking(job_calls.claim)
    renew = blocking(job_calls.renew)
    report = blocking(job_calls.report)
    commit_publish = blocking(job_calls.commit_publish)
    finish = blocking(job_calls.finish)
    requeue = blocking(job_calls.requeue)
    reap = blocking(job_calls.reap)
    get = blocking(job_reads.get)
    get_json = blocking(job_reads.get_json)
    rows = blocking(job_reads.rows)
    logs = blocking(job_reads.logs)
    events = blocking(job_reads.events)
    finished_before = blocking(job_reads.finished_before)
    watch = blocking(job_reads.watch)

    def list_jobs(self, filters: JobFilters = EVERY_JOB, *, limit: int = 20, after: str = "") -> JobPage:
        """A page of the jobs that pass the filters, newest first, from the one after `after`."""
        search = JobSearch(filters, limit, after)
        while not search.is_done:
            search.take(self.run(search.next_call()))
        return search.page()


class AsyncJobStore(AsyncFace):
    """The same records over an asyncio client: what the API asks for."""

    submit = awaited(job_calls.submit)
    replay = awaited(job_calls.replay)
    cancel = awaited(job_calls.cancel)
    stop = awaited(job_calls.stop)
    pause = awaited(job_calls.pause)
    resume = awaited(job_calls.resume)
    delete = awaited(job_calls.delete)
    get = awaited(job_reads.get)
    get_json = awaited(job_reads.get_json)
    rows = awaited(job_reads.rows)
    logs = awaited(job_reads.logs)
    events = awaited(job_reads.events)

    async def list_jobs(
        self, filters: JobFilters = EVERY_JOB, *, limit: int = 20, after: str = ""
    ) -> JobPage:
        """A page of the jobs that pass the filters, newest first, from the one after `after`."""
        search = JobSearch(filters, limit, after)
        while not search.is_done:
            search.take(await self.run(search.next_call()))
        return search.page()
