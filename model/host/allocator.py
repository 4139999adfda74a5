"""Settings of the memory allocator for processes that train: keep large freed blocks for reuse."""

import ctypes
import os
import sys
from collections.abc import Mapping
from ctypes.util import find_library

_NEVER_PURGE = "dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0"
_KEEP_BYTES = 2**40
_GLIBC = {"mmap_threshold": _KEEP_BYTES, "trim_threshold": _KEEP_BYTES, "tcache_count": 0}


def allocator_settings() -> dict[str, str]:
    """Return environment variables that make the allocator keep freed activations instead of returning them to the kernel.

    By default glibc maps and unmaps each block above 32 MiB, and the page faults of each new mapping take a fifth of a
    training step. jemalloc, where it is installed, keeps such blocks without fragmentation. glibc can keep the blocks
    too, but needs more memory: tensors are aligned, so small gaps remain around their blocks, and a small allocation in
    such a gap prevents the reuse of the space for a block of the same size. Disabling the thread cache of small blocks
    (`tcache_count`) reduces this loss. `benchmarks.speed.training` prints speed and memory.
    """
    if not sys.platform.startswith("linux"):
        return {}
    if library := find_library("jemalloc"):
        return {"LD_PRELOAD": library, "MALLOC_CONF": _NEVER_PURGE}
    return {
        "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{setting}={value}" for setting, value in _GLIBC.items())
    }


def add_allocator_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the allocator settings added; variables that are set already keep their values."""
    return allocator_settings() | dict(environment)


def restart_with_allocator_settings() -> None:
    """Restart this program with the allocator settings, unless it has them: a running process cannot change them."""
    wanted = add_allocator_settings(os.environ)
    if wanted != os.environ:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606 - starts this program


def return_free_memory() -> None:
    """Return to the system what the C library keeps of freed memory; does nothing where it has no such function."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
