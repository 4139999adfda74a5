"""Files whose opening hangs, as on a network mount that does not answer."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hanging(path: Path) -> Iterator[None]:
    """Let every `open` of a file hang while the block runs: the kernel makes it wait for the holder of a lease.

    The kernel waits /proc/sys/fs/lease-break-time seconds at most, which is 45.
    """
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # the kernel's request to give the lease back
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)
