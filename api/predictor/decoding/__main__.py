"""`python -m api.predictor.decoding PARENT CPU_S`: decodes the files that arrive on standard input, within limits.

The kernel ends this process at the limit of processor time; memory above its limit fails with MemoryError, which decoding
turns into an error of that image.
"""

import json
import os
import signal
import sys
import warnings
from typing import BinaryIO

from api.predictor.decoding.frames import COUNT, DONE, GO, PIXELS, REFUSED, TASK, Task, write_frame
from api.predictor.decoding.limits import MemoryLimit, memory_for_header, memory_for_pixels
from api.predictor.decoding.preparation import prepare_file
from model.artifact.manifest import Preprocessing
from model.errors import ImageError, ImageTooLargeError
from model.host.parent import die_with_parent

_TOO_LITTLE_MEMORY = "The image needs more memory than is available: send a smaller copy."


def main() -> None:
    """Decode until the parent closes standard input."""
    die_with_parent(int(sys.argv[1]))
    warnings.simplefilter("ignore")  # Pillow warns of each damaged field
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not get between the frames
    decoder = _Decoder(sys.stdin.buffer, answers, float(sys.argv[2]))
    while decoder.decode_next():
        pass


class _Decoder:
    """Decodes one file after the other."""

    def __init__(self, tasks: BinaryIO, answers: BinaryIO, cpu_s: float) -> None:
        self._cpu_s = cpu_s
        self._tasks = tasks
        self._answers = answers
        self._memory = MemoryLimit()

    def decode_next(self) -> bool:
        """Decode one file and answer; return false at the end of the tasks."""
        head = self._tasks.read(TASK.size)
        if len(head) < TASK.size:
            return False
        task = Task.unpacked(head)
        data = self._tasks.read(task.size_bytes)
        if len(data) < task.size_bytes:
            return False
        signal.setitimer(signal.ITIMER_PROF, self._cpu_s)  # SIGPROF ends the process, whatever it does
        kind, contents = self._answer(task, data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_frame(self._answers, kind, contents)
        return True

    def _answer(self, task: Task, data: bytes) -> tuple[bytes, bytes]:
        preprocessing = Preprocessing(
            image_size=task.image_size,
            resize=task.resize,
            sample_bits=task.sample_bits,
            mean=(0, 0, 0),
            std=(1, 1, 1),
        )
        self._memory.set(memory_for_header(len(data)))
        try:
            pixels = prepare_file(data, preprocessing, self._wait_for_room)
        except ImageError as error:
            return REFUSED, json.dumps([error.code, str(error)]).encode()
        except MemoryError:
            return REFUSED, json.dumps([ImageTooLargeError.code, _TOO_LITTLE_MEMORY]).encode()
        finally:
            self._memory.lift()
        return DONE, pixels.tobytes()

    def _wait_for_room(self, pixels: int) -> None:
        """Let the predictor say when there is room for these pixels, which all children share."""
        write_frame(self._answers, PIXELS, COUNT.pack(pixels))
        if self._tasks.read(1) != GO:
            sys.exit(0)
        self._memory.set(memory_for_pixels(pixels))


if __name__ == "__main__":
    main()
