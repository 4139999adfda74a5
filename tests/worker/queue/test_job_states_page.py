"""The page of job states shows the table of allowed changes."""

from pathlib import Path

from docs.job_states import page
from worker.queue.states import TRANSITIONS


def test_the_page_is_current() -> None:
    kept = Path(__file__).parents[3] / "docs" / "job-states.md"
    assert kept.read_text() == page(), "run: python -m docs.job_states > docs/job-states.md"


def test_every_allowed_change_is_drawn() -> None:
    drawn = page()
    for status, successors in TRANSITIONS.items():
        assert all(f"{status} --> {successor}" in drawn for successor in successors)
