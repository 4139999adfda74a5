"""Says which images only a child process may decode, and how much processor time and memory one image may take there."""

import resource
import sys
from pathlib import Path

SMALL_FILE_BYTES = 65_536
"""A file above it is decoded by a child."""
CPU_S = 10.0
"""The largest images that are allowed take about 2 s."""
_HEADER_BYTES = 700_000_000
"""A WebP reserves 8 bytes a pixel, up to 512 MB, when it is opened; other files need little before their pixels."""
_PIXELS_BYTES = 200_000_000
_BYTES_A_PIXEL = 20
"""A WebP takes 17; other formats take 4 to 13."""


def memory_for_header(file_bytes: int) -> int:
    """Return the bytes that reading a file up to its pixels may take."""
    return _HEADER_BYTES + 4 * file_bytes


def memory_for_pixels(pixels: int) -> int:
    """Return the bytes that decoding may take."""
    return _PIXELS_BYTES + _BYTES_A_PIXEL * pixels


class MemoryLimit:
    """Limits the memory of this process to its present size plus a number of bytes (Linux only)."""

    def __init__(self) -> None:
        self._is_known = sys.platform == "linux"
        if self._is_known:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            self._start_bytes = pages * resource.getpagesize()

    def set(self, more_bytes: int) -> None:
        """Let allocations above the limit fail."""
        if self._is_known:
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            limit = self._start_bytes + more_bytes
            resource.setrlimit(
                resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most)
            )

    def lift(self) -> None:
        """Remove the limit."""
        if self._is_known:
            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
