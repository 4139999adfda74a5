"""The allocator settings of processes that train, and their effect on page faults."""

import json
import os
import subprocess
import sys

import pytest

from model.host import allocator
from model.host.allocator import allocator_settings

BLOCKS = """
import resource, torch
def make() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.empty(48 * 2**20, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
make()
print(make())
"""
STARTS_AGAIN = """
import json, os
from model.host.allocator import restart_with_allocator_settings
print("started", flush=True)
restart_with_allocator_settings()
print(json.dumps(dict(os.environ)))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems keep their allocator")


def say(code: str, settings: dict[str, str]) -> str:
    """Run a program without the allocator settings of this process and return its output."""
    names = {"LD_PRELOAD", "MALLOC_CONF", "GLIBC_TUNABLES"}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.check_output([sys.executable, "-c", code], text=True, env=environment | settings)


@pytest.fixture(params=["what is installed", "glibc alone"])
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    if request.param == "glibc alone":
        monkeypatch.setattr(allocator, "find_library", lambda _: None)
    return allocator_settings()


def test_large_blocks_are_reused_without_page_faults(settings: dict[str, str]) -> None:
    """20 blocks of 48 MiB that are mapped again each time cause 245,760 page faults, or 480 with huge pages."""
    assert int(say(BLOCKS, settings)) < 100


def test_a_program_restarts_once_with_the_settings() -> None:
    first, second, said = say(STARTS_AGAIN, {}).splitlines()
    assert first == second == "started"
    assert allocator_settings().items() <= json.loads(said).items()


def test_settings_of_the_operator_are_kept() -> None:
    theirs = dict.fromkeys(allocator_settings(), "")
    started, said = say(STARTS_AGAIN, theirs).splitlines()
    assert started == "started"
    assert theirs.items() <= json.loads(said).items()
