"""Receives the supervisor's commands on stdin and tells the training loop what to do before each step."""

import os
import threading
from collections.abc import Callable

from model.host import lease_clock
from model.training.reporter import Command
from worker.kinds.training.messages import Drain, Renewed, Start, Stop, TrainerCommand, read_command


class CommandReceiver:
    """The commands received so far. A thread reads stdin, so that its end is noticed at any time."""

    def __init__(self, clock: Callable[[], float] = lease_clock.now) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._start: Start | None = None
        self._deadline = 0.0
        self._is_draining = False
        self._is_stopping = False

    def listen(self) -> None:
        """Start the reading thread; when stdin closes the supervisor is gone, and this process exits."""
        threading.Thread(target=self._read_all, name="commands", daemon=True).start()

    def wait_for_start(self) -> Start:
        """Wait for the start message and return it."""
        with self._changed:
            while self._start is None:
                self._changed.wait()
            return self._start

    def next_command(self) -> Command:
        """Return what the training loop must do next; waits while the lease is not renewed."""
        with self._changed:
            while not self._is_draining and self._clock() >= self._deadline:
                self._changed.wait()
            if self._is_draining:
                return Command.DRAIN
            return Command.STOP if self._is_stopping else Command.CONTINUE

    def _read_all(self) -> None:
        with open(0, "rb", closefd=False) as lines:
            for line in lines:
                self._apply(read_command(line))
        os._exit(0)

    def _apply(self, command: TrainerCommand) -> None:
        with self._changed:
            match command:
                case Start():
                    self._start, self._deadline = command, command.deadline
                    self._is_stopping = command.should_stop
                case Renewed():
                    self._deadline = max(self._deadline, command.deadline)
                case Drain():
                    self._is_draining = True
                case Stop():
                    self._is_stopping = True
            self._changed.notify_all()
