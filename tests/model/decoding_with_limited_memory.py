"""A program that decodes an image with less and less spare memory and prints the different outcomes."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from model.data.images import decode_image, inspect_image
from model.errors import ImageTooLargeError

SPARE_MIB = range(40)
"""The tries: MiB that the process may allocate beyond what it uses."""
OUTCOMES = ("done", "image_too_large", "escaped")
TRIES: dict[str, Callable[[bytes], object]] = {
    "decode": lambda data: decode_image(data, image_size=16),
    "inspect": inspect_image,
}


def outcome(action: Callable[[bytes], object], data: bytes, spare_mib: int) -> str:
    """Try in a forked process, so that memory freed by an earlier try does not help this one."""
    child = os.fork()
    if child == 0:
        os._exit(OUTCOMES.index(_try(action, data, spare_mib)))
    _, status = os.waitpid(child, 0)
    return OUTCOMES[os.waitstatus_to_exitcode(status)]


def _try(action: Callable[[bytes], object], data: bytes, spare_mib: int) -> str:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (spare_mib << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        action(data)
    except ImageTooLargeError:
        return "image_too_large"
    except MemoryError:
        return "escaped"
    return "done"


if __name__ == "__main__":
    image = Path(sys.argv[2]).read_bytes()
    decode_image(image, image_size=16)  # imports modules that Pillow loads late, before memory is limited
    print(*sorted({outcome(TRIES[sys.argv[1]], image, spare) for spare in SPARE_MIB}))  # noqa: T201
