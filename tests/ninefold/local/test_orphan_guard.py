import subprocess
import sys

from tests.ninefold.processes import command_line, eventually

FAMILY = "sleep 600 & sleep 600"


def test_the_guard_kills_the_groups_of_the_last_line_when_stdin_closes() -> None:
    family = subprocess.Popen(["sh", "-c", FAMILY], start_new_session=True)
    spared = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "ninefold.local.orphan_guard"], stdin=subprocess.PIPE
        ) as guard:
            assert guard.stdin
            guard.stdin.write(b"%d\n%d\n" % (spared.pid, family.pid))
            guard.stdin.close()
            assert guard.wait(60) == 0
        assert family.wait(60) == -9
        assert spared.poll() is None  # the second line replaced the first
    finally:
        for process in (family, spared):
            process.kill()
            process.wait()
    eventually(lambda: not command_line(family.pid), 60, "the whole group has ended")
