"""How the allocator of a process that trains is set: to keep big blocks. It knows nothing of what they are for."""

import os
import sys
from collections.abc import Mapping
from ctypes.util import find_library

_NEVER_PURGE = "dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0"
_KEEP_BYTES = 2**40
_GLIBC = {"mmap_threshold": _KEEP_BYTES, "trim_threshold": _KEEP_BYTES, "tcache_count": 0}


def allocator_settings() -> dict[str, str]:
    """What to add to the environment of a process that trains, so that no freed activation goes back to the kernel.

    By default glibc maps each block above 32 MiB anew and has it faulted in page by page at every step: a fifth of the
    time. jemalloc, where it is installed, keeps such blocks without holes between them. glibc does so too if told, but
    needs more memory: around a block for a tensor, which is aligned, it leaves small pieces, and what moves in there keeps
    the block's place from serving an equal one later. Without its cache of small pieces fewer are lost.
    `benchmarks.speed.training` prints speed and memory.
    """
    if not sys.platform.startswith("linux"):
        return {}
    if library := find_library("jemalloc"):
        return {"LD_PRELOAD": library, "MALLOC_CONF": _NEVER_PURGE}
    return {
        "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{setting}={value}" for setting, value in _GLIBC.items())
    }


def add_allocator_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment and the settings; what it says of them itself stays."""
    return allocator_settings() | dict(environment)


def restart_with_allocator_settings() -> None:
    """Start this program again with the settings, unless it has them or others: a running one cannot change them."""
    wanted = add_allocator_settings(os.environ)
    if wanted != os.environ:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606 - itself
