"""A service for one short use: `ninefold demo` runs it in a temporary folder, apart from the user's own service."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ninefold.errors import NinefoldError
from ninefold.local.readiness import wait_until_ready
from ninefold.local.service_setup import StackOptions
from ninefold.local.stack import STOP_SIGNALS, Stack


@contextmanager
def temporary_service(
    data_dir: Path, environment: Mapping[str, str], report: Callable[[str], None]
) -> Iterator[str]:
    """Start a service on a free port and stop it at the end of the block; gives the service's URL.

    Ignores the NINEFOLD_ settings and REDIS_URL in `environment`, so that the user's own service, its keys and its
    storage stay untouched.
    """
    clean = {name: value for name, value in environment.items() if not name.startswith("NINEFOLD_")}
    clean.pop("REDIS_URL", None)
    stack = Stack(StackOptions(data_dir=data_dir, port=0), clean, report)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    stack.start()
    try:
        if not wait_until_ready(stack):
            stack.join()
            raise stack.error or NinefoldError("The service ended before it was ready.")
        yield stack.url
    except BaseException:
        stack.stop()  # `_end` stops a second time, which kills a running job instead of waiting for its checkpoint
        raise
    finally:
        _end(stack)


def _end(stack: Stack) -> None:
    stack.stop()
    for (
        number
    ) in STOP_SIGNALS:  # another Ctrl-C kills the processes at once; the caller still removes its files
        signal.signal(number, lambda *_: stack.stop())
    stack.join()
