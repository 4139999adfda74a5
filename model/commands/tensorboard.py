"""Curves for TensorBoard, where it is installed; where it is not, nothing is missed."""

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from model.training.reporter import EpochRow, Reporter

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def with_tensorboard(reporter: Reporter, folder: Path) -> Reporter:
    """A reporter that also writes TensorBoard's event files into a folder, when `tensorboard` is installed."""
    return _TensorBoard(reporter, folder) if find_spec("tensorboard") else reporter


class _TensorBoard:
    """Passes everything on, and writes a point of each curve an epoch."""

    def __init__(self, reporter: Reporter, folder: Path) -> None:
        self._reporter, self._folder = reporter, folder
        self._writer: SummaryWriter | None = None
        self.next_command, self.phase, self.progress = (
            reporter.next_command,
            reporter.phase,
            reporter.progress,
        )
        self.checkpoint = reporter.checkpoint

    def rewind(self, epoch: int) -> None:
        """What follows this epoch is written anew."""
        self._reporter.rewind(epoch)
        if self._writer:
            self._writer.close()
        self._open(epoch)

    def epoch(self, row: EpochRow, is_best: bool) -> None:
        """Write the row."""
        self._reporter.epoch(row, is_best)
        writer = self._writer or self._open(row.epoch - 1)
        for name, value in asdict(row).items():
            if name != "epoch" and value is not None:
                writer.add_scalar(_tag(name), value, row.epoch)
        writer.flush()

    def _open(self, epoch: int) -> "SummaryWriter":
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - torch is lazy, tensorboard optional

        # An earlier attempt may have come further than its last checkpoint.
        self._writer = SummaryWriter(str(self._folder), purge_step=epoch + 1)
        return self._writer


def _tag(name: str) -> str:
    """`loss/train` for train_loss: TensorBoard shows what begins alike side by side."""
    split, _, quantity = name.partition("_")
    return f"{quantity}/{split}" if split in ("train", "val") else name
