"""How pytest-xdist distributes the tests: a file to a process; files that share a service to one process; slow files first.

The last file to begin should be a quick one: while it runs, the other processes have nothing to do.
"""

import pytest
from xdist.scheduler import LoadFileScheduling

_SHARING = {
    "tests/api/predict/test_options.py": "the service of tests/api/predict",
    "tests/api/predict/test_predict.py": "the service of tests/api/predict",
    "tests/browser/": "the service of tests/browser",
    "tests/chaos/test_": "the cluster of tests/chaos",
    "tests/e2e/test_commands.py": "the service of tests/e2e",
    "tests/e2e/test_datasets.py": "the service of tests/e2e",
    "tests/e2e/test_mcp.py": "the service of tests/e2e",
    "tests/e2e/test_readme.py": "the service of tests/e2e",
}
"""The files whose paths begin so share what takes seconds to start."""
_SLOW = (
    "tests/browser/",
    "tests/chaos/test_",
    "tests/e2e/",
    "tests/compatibility/",
    "tests/worker/queue/test_devices.py",
    "tests/chaos/",
    "tests/model/training/",
    "tests/worker/service/",
)


def _group_of(nodeid: str) -> str:
    file = nodeid.split("::", 1)[0]
    return next((group for prefix, group in _SHARING.items() if file.startswith(prefix)), file)


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return _group_of(nodeid)


def _slowness(item: pytest.Item) -> int:
    return next((rank for rank, prefix in enumerate(_SLOW) if item.nodeid.startswith(prefix)), len(_SLOW))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Answer xdist's question for `--dist loadfile`."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # xdist would begin with the files that have the most tests
    return _Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow tests where several processes share the tests."""
    if hasattr(config, "workerinput"):
        items.sort(key=_slowness)
