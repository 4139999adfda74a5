"""Draws the table of allowed changes of a job as a page: `python -m docs.job_states > docs/job-states.md`."""

from collections.abc import Set as AbstractSet

from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Status


def page() -> str:
    """Return the whole page docs/job-states.md."""
    return f"""# The states of a job

`python -m docs.job_states` makes this page from the table `TRANSITIONS` in `worker/queue/states.py`; a test checks that the page is current.
The scripts in `worker/queue/lua/` read the same table and refuse every other change.

```mermaid
stateDiagram-v2
{diagram()}
```

An attempt holds the job in the states {_listed(HELD)}. The states {_listed(TERMINAL)} are final.
A stop of a queued or paused job is stored in the job's record: the next attempt publishes the best epoch so far at once.
"""


def _listed(statuses: AbstractSet[Status]) -> str:
    names = [f"`{status}`" for status in Status if status in statuses]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def diagram() -> str:
    """Return the lines of a Mermaid state diagram."""
    lines = [f"[*] --> {Status.QUEUED}: submit"]
    for status, successors in TRANSITIONS.items():
        lines += [f"{status} --> {successor}: {cause}" for successor, cause in successors.items()]
    lines += [f"{status} --> [*]" for status in Status if status in TERMINAL]
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  # the page is the output of this program
