"""Commands and messages between supervisor and trainer survive the pipe; invalid lines are refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from model.artifact.manifest import ManifestDraft
from model.recipes.resolved_recipe import resolve_recipe
from tests.worker.samples import draft, make_spec, row
from worker.attempt.messages import DrainCompleted, Failed, PhaseBegun, write_line
from worker.kinds.training.messages import (
    CheckpointPut,
    Drain,
    EpochEnded,
    Progressed,
    Ready,
    Renewed,
    Staged,
    Start,
    TrainerCommand,
    TrainerMessage,
    read_command,
    read_message,
)
from worker.queue.records import Best, Checkpoint, Progress
from worker.queue.states import Phase

COMMANDS: list[TrainerCommand] = [
    Start(
        job_id="job_1",
        attempt_number=2,
        model_id="mdl_1",
        spec=make_spec(tags=["nightly"]),
        recipe=resolve_recipe(make_spec()),
        storage="file:///srv/storage",
        cache_dir=Path("/srv/cache"),
        out_prefix="checkpoints/job_1/2",
        resume_from=None,
        devices=("cuda:0",),
        threads=2,
        deadline=1234.5678901,
    ),
    Renewed(deadline=0.1 + 0.2),
    Drain(),
]
_DRAFT = {key: value for key, value in draft().items() if key in ManifestDraft.model_fields}
MESSAGES: list[TrainerMessage] = [
    Ready(),
    PhaseBegun(phase=Phase.EVALUATING),
    Progressed(progress=Progress(epoch=1, epochs=3, fraction=1 / 3, images_per_s=None, eta_s=None)),
    EpochEnded(row=row(2), best=Best(epoch=2, val_accuracy=0.1 + 0.2)),
    CheckpointPut(checkpoint=Checkpoint(key="checkpoints/job_1/2/x", epoch=2, step=7)),
    DrainCompleted(),
    Staged(draft=ManifestDraft.model_validate(_DRAFT)),
    Failed(code="training_diverged", message="The loss\nis »NaN«."),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_a_command_is_read_as_it_was_written(command: TrainerCommand) -> None:
    line = write_line(command)
    assert line.count(b"\n") == 1
    assert read_command(line) == command


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_a_message_is_read_as_it_was_written(message: TrainerMessage) -> None:
    line = write_line(message)
    assert line.count(b"\n") == 1
    assert read_message(line) == message


def test_a_line_cut_short_by_the_trainers_death_is_ignored() -> None:
    assert read_message(write_line(MESSAGES[3])[:40]) is None


@pytest.mark.parametrize("line", [b"Segmentation fault\n", b'{"kind":"surrender"}\n', b'{"kind":"failed"}\n'])
def test_a_complete_line_that_is_not_a_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValidationError):
        read_message(line)


def test_the_longest_start_message_fits_into_an_empty_pipe() -> None:
    long = "x" * 64
    spec = make_spec(name=long, tags=[long] * 16, dataset="d" * 128)
    start = COMMANDS[0].model_copy(update={"spec": spec, "storage": "file:///" + "y" * 4096})
    assert len(write_line(start)) < 65536
