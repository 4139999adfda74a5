"""Tells glibc's allocator to keep big blocks; it knows nothing of what they are for."""

import ctypes
import sys

# The numbers of <malloc.h>.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3

_KEEP_BYTES = 2**31 - 1
_GROW_BYTES = 256 * 2**20


def keep_big_blocks() -> bool:
    """Stop glibc from returning each freed activation to the kernel; True where that is possible.

    By default each block above 32 MiB is mapped anew and faulted in page by page at every step. To keep them all is a
    quarter faster and takes half as much memory again, in holes between blocks; to keep those below 100 MB alone is between
    the two on both counts (`benchmarks.training`). To be called before the first big tensor.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, musl's for one
        return False
    settings = {_M_MMAP_THRESHOLD: _KEEP_BYTES, _M_TRIM_THRESHOLD: _KEEP_BYTES, _M_TOP_PAD: _GROW_BYTES}
    results = [mallopt(name, value) for name, value in settings.items()]
    return all(results)
