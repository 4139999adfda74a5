"""The limit on the length of a Unix socket's path."""

import os
from pathlib import Path

MAX_SOCKET_PATH_BYTES = 100  # the kernel takes 108, including the closing zero


def check_socket_path(path: Path) -> None:
    """Raise `ValueError` if `path` is too long for a Unix socket."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise ValueError(
            f"The socket path {path} is longer than {MAX_SOCKET_PATH_BYTES} bytes: "
            "set NINEFOLD_RUNTIME_DIR to a short folder, such as /tmp/ninefold."
        )
