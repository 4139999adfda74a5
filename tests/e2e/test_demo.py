"""`ninefold demo`: it trains, classifies and leaves nothing behind, also after Ctrl-C."""

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import NINEFOLD, ONE_THREAD
from tests.narrow_processes import NARROW
from tests.ninefold.processes import command_line, descendants, eventually, is_alive

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The TMPDIR of the demo: a short path, because a Unix socket's path may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="nf-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        for name, value in ONE_THREAD.items():
            monkeypatch.setenv(name, value)
        yield Path(folder)


@pytest.mark.parametrize(
    ("epochs", "accuracy", "right"),
    [("1", "", 1), pytest.param("3", "9", 5, marks=pytest.mark.slow)],
)
def test_the_demo_trains_classifies_and_leaves_nothing(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, epochs: str, accuracy: str, right: int
) -> None:
    """Three epochs, the default, make the good model that the README shows; one is for a narrow network."""
    if epochs == "1":
        monkeypatch.setenv("PYTHONPATH", NARROW["PYTHONPATH"])
    command = [*NINEFOLD, "demo", "--epochs", epochs]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=380)
    assert done.returncode == 0, done.stderr
    assert f"epoch {epochs}/{epochs}" in done.stdout
    assert f"test accuracy {accuracy}" in done.stdout
    assert done.stdout.count("right") >= right
    assert "datasets add path/to/images" in done.stdout
    assert not list(temporary.glob("ninefold-demo-*"))


def test_ctrl_c_ends_the_demo_cleanly(temporary: Path) -> None:
    demo = subprocess.Popen([*NINEFOLD, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with demo:
        assert demo.stdout
        while not demo.stdout.readline().startswith("Training on"):
            assert demo.poll() is None
        family = descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=60)
    assert "Traceback" not in errors, errors
    assert demo.returncode in (130, -signal.SIGINT), errors  # a shell reports both as 130
    eventually(
        lambda: not [pid for pid, started in family.items() if is_alive(pid, started)],
        60,
        "all processes have ended",
    )
    assert not any("valkey" in command_line(pid) for pid in family)
    assert not list(temporary.glob("ninefold-demo-*"))
