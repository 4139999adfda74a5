"""The real import process, slowed down; it records each file that it reads, and fails as the name of its dataset says."""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from model.data.record import DatasetRecord
from tests.chaos.history.history import History
from tests.worker.fixtures import failing_importer
from worker.kinds.dataset_import.importer import __main__ as importer

FAILURE_IN_NAME = ".fails-"
"""The name `pets.fails-die` makes the import processes of this dataset die after a few files."""
FAIL_AT_FILE = 3
FILE_S = 0.04
"""As long as a step of the counting trainer."""


def run(history: History) -> None:
    """Run the import process."""
    name = sys.argv[sys.argv.index("--name") + 1]
    failure = name.partition(FAILURE_IN_NAME)[2]
    make_dataset: Callable[..., DatasetRecord] = vars(importer)["_make_dataset"]

    def make_slowly(arguments: Any, on_progress: Callable[[int, int], None]) -> DatasetRecord:
        def record_file(files: int, total: int) -> None:
            history.add("file", name=name, pid=os.getpid(), files=files)
            if failure and files == FAIL_AT_FILE:
                failing_importer.FAILURES[failure]()
            time.sleep(FILE_S)
            on_progress(files, total)

        return make_dataset(arguments, record_file)

    vars(importer)["_make_dataset"] = make_slowly
    importer.main()
