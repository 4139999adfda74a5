"""Draws the one table of a job's changes as a picture: `python -m docs.job_states > docs/job-states.md`."""

from worker.queue.states import HELD, TERMINAL, TRANSITIONS, Status


def page() -> str:
    """The page docs/job-states.md, whole."""
    held, terminal = (
        ", ".join(f"`{status}`" for status in Status if status in some) for some in (HELD, TERMINAL)
    )
    return f"""# A job's life

Made from the table `TRANSITIONS` in `worker/queue/states.py` by `python -m docs.job_states`; a test holds that it is current.
The scripts in `worker/queue/lua/` are given the same table and refuse every other change.

```mermaid
stateDiagram-v2
{diagram()}
```

An attempt holds the job while it is {held}; nothing changes any more once it is {terminal}.
A stop that meets a queued or paused job is remembered: the next attempt publishes the best so far at once.
"""


def diagram() -> str:
    """The lines of a Mermaid state diagram."""
    lines = [f"[*] --> {Status.QUEUED}: submit"]
    for status, successors in TRANSITIONS.items():
        lines += [f"{status} --> {successor}: {cause}" for successor, cause in successors.items()]
    lines += [f"{status} --> [*]" for status in Status if status in TERMINAL]
    return "\n".join(f"    {line}" for line in lines)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  # this is its whole work
