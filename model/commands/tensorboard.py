"""Writes the metrics of a training as TensorBoard event files, if `tensorboard` is installed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from model.training.reporter import EpochRow, Reporter

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_log = logging.getLogger(__name__)


def with_tensorboard(reporter: Reporter, folder: Path) -> Reporter:
    """Return a reporter that also writes event files to a folder; without `tensorboard`, the given reporter."""
    return _TensorBoard(reporter, folder) if find_spec("tensorboard") else reporter


class _TensorBoard:
    """Forwards every call to another reporter and writes the metrics of each epoch."""

    def __init__(self, reporter: Reporter, folder: Path) -> None:
        self._reporter, self._folder = reporter, folder
        self._writer: SummaryWriter | None = None
        self._has_failed = False
        self.next_command, self.phase, self.progress = (
            reporter.next_command,
            reporter.phase,
            reporter.progress,
        )
        self.checkpoint = reporter.checkpoint

    def rewind(self, epoch: int) -> None:
        """Discard the points after this epoch, which will be trained again."""
        self._reporter.rewind(epoch)
        if self._has_failed:
            return
        with self._warn_of_errors():
            if self._writer:
                self._writer.close()
            self._open(epoch)

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Write the metrics of an epoch."""
        self._reporter.epoch(row, is_best)
        if self._has_failed:
            return
        with self._warn_of_errors():
            writer = self._writer or self._open(row.epoch - 1)
            for name, value in asdict(row).items():
                if name != "epoch" and value is not None:
                    writer.add_scalar(_tag(name), value, row.epoch)
            writer.flush()

    @contextmanager
    def _warn_of_errors(self) -> Iterator[None]:
        """Turn an error of the folder into a warning: a training does not end for want of its curves."""
        try:
            yield
        except OSError as error:
            self._has_failed = True
            _log.warning(
                "TensorBoard's curves cannot be written to %s (%s): the training goes on without them; make the folder "
                "writable, or free some space",
                self._folder,
                error.strerror or error,
            )

    def _open(self, epoch: int) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - imports torch; tensorboard is optional

        # An earlier attempt may have written points of epochs after its last checkpoint: purge those.
        self._writer = SummaryWriter(str(self._folder), purge_step=epoch + 1)
        return self._writer


def _tag(name: str) -> str:
    """Return `loss/train` for `train_loss`: TensorBoard groups curves by the first part of their tag."""
    split, _, quantity = name.partition("_")
    return f"{quantity}/{split}" if split in ("train", "val") else name
