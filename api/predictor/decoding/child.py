"""The predictor's end of one child process that decodes images."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from api.predictor.decoding.frames import COUNT, DONE, GO, PIXELS, Task, read_frame
from api.predictor.decoding.preparation import LargeImage
from model.errors import ImageError, ImageTooLargeError, UnsupportedFormatError
from model.host.child_environment import child_environment

_ERRORS = {error.code: error for error in (ImageError, ImageTooLargeError, UnsupportedFormatError)}
_SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "4194304",  # glibc returns larger blocks to the system when they are freed
}


class ChildEndedError(Exception):
    """Raised when a child had ended before it was given a file."""


class DecodingChild:
    """One child process; decodes one image at a time."""

    def __init__(self, cpu_s: float) -> None:
        """Start the process, which the kernel ends when an image takes `cpu_s` of processor time; raises OSError."""
        self._cpu_s = cpu_s
        # The parent-death signal follows the thread that starts the child: the threads of the pool live as long as it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.predictor.decoding", str(os.getpid()), str(cpu_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=child_environment(os.environ, "file:///") | _SETTINGS,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise OSError("the child has no pipes")
        self._to_child, self._from_child = stdin, stdout
        self._is_killed = False

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process can decode."""
        return not self._is_killed and self._process.poll() is None

    def prepare(self, image: LargeImage, take: Callable[[int], None]) -> tuple[np.ndarray, float]:
        """Return an image as HWC, uint8, with the preprocessing of training, and the seconds that it took.

        Args:
            image: the file.
            take: called with the number of pixels; returns when there is room for them.

        Raises:
            ImageError: the bytes are no image that can be decoded, or take too much time or memory.
            ChildEndedError: the process had ended already.
        """
        started = time.monotonic()
        try:
            self._send(image)
        except OSError as error:
            self.kill()
            raise ChildEndedError from error
        try:
            pixels = self._receive(image, take)
        except (EOFError, OSError) as error:
            raise self._failure() from error
        return pixels, time.monotonic() - started

    def kill(self) -> None:
        """End the process, also in the middle of an image; may be called from another thread."""
        self._is_killed = True
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for its end."""
        self.kill()
        self._process.wait()
        for stream in (self._to_child, self._from_child):
            with suppress(OSError):  # what was not sent yet has no receiver any more
                stream.close()

    def _send(self, image: LargeImage) -> None:
        wanted = image.preprocessing
        task = Task(len(image.data), wanted.image_size, wanted.sample_bits, wanted.resize)
        self._to_child.write(task.packed())
        self._to_child.write(image.data)
        self._to_child.flush()

    def _receive(self, image: LargeImage, take: Callable[[int], None]) -> np.ndarray:
        kind, contents = read_frame(self._from_child)
        if kind == PIXELS:
            take(COUNT.unpack(contents)[0])
            self._to_child.write(GO)
            self._to_child.flush()
            kind, contents = read_frame(self._from_child)
        if kind == DONE:
            side = image.preprocessing.image_size
            return np.frombuffer(contents, np.uint8).reshape(side, side, 3)
        code, message = json.loads(contents)
        raise _ERRORS.get(code, ImageError)(message)

    def _failure(self) -> ImageError:
        try:
            ended_with = self._process.wait(1)
        except subprocess.TimeoutExpired:
            ended_with = None
        self.kill()
        if ended_with == -signal.SIGPROF:
            return ImageTooLargeError(
                f"Decoding this image takes more than {self._cpu_s:g} s of processor time: save it again as an ordinary JPEG or PNG, "
                "or send a smaller copy."
            )
        return ImageError("The image made its decoder fail: save it again as an ordinary JPEG or PNG.")
