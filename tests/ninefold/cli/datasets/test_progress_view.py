import io

from rich.console import Console

from ninefold.cli.datasets.progress_view import BarView, LineView
from ninefold.client.datasets.upload_progress import DatasetProgress

COURSE = [
    DatasetProgress("uploading", 0, 45_600_000),
    DatasetProgress("uploading", 12_300_000, 45_600_000),
    DatasetProgress("queued", waits_for="no_worker"),
    DatasetProgress("queued"),
    DatasetProgress("reading", 0, 0),
    DatasetProgress("reading", 1_213, 1_500),
]


def test_the_lines_name_each_phase_once() -> None:
    out = io.StringIO()
    with LineView(Console(file=out)) as view:
        for progress in COURSE:
            view.show(progress)
    assert out.getvalue().splitlines() == [
        "uploading",
        "waiting: no worker",
        "waiting for a worker",
        "reading the files",
    ]


def test_the_bar_shows_bytes_and_then_files() -> None:
    def shown(progress: DatasetProgress) -> str:
        out = io.StringIO()
        with BarView(Console(file=out, force_terminal=True, width=120)) as view:
            view.show(progress)
        return out.getvalue()

    assert "12.3 of 45.6 MB" in shown(COURSE[1])
    assert "27%" in shown(COURSE[1])
    assert "1,213 of 1,500 files" in shown(COURSE[-1])
    assert "81%" in shown(COURSE[-1])
