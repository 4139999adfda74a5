"""Two processes train one network together, over gloo on the CPU."""

import dataclasses
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import torch

from model.artifact.manifest import FinishReason
from model.data.record import RECORD_FILE, dataset_key
from model.device.ranks import Rank
from model.errors import InitModelUnavailableError, ModelError, RankDiedError, RankFailedError
from model.storage.local import LocalStorage
from model.training.reporter import Drained, EpochRow
from model.training.request import TrainingRequest
from model.training.training import run_training
from tests.model.tiny_training import TIMINGS, Recorder, TinyTraining
from tests.model.training.test_training import weight_hash
from tests.stored import stored_path
from tests.worker.processes import children_of


def with_two_ranks(request: TrainingRequest) -> TrainingRequest:
    return dataclasses.replace(request, devices=("cpu", "cpu"), threads=2)


def untimed(recorder: Recorder) -> list[dict[str, object]]:
    return [{k: v for k, v in vars(row).items() if k not in TIMINGS} for row in recorder.rows]


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_shards_cover_a_batch_and_do_not_overlap(ranks: int) -> None:
    batch_N = torch.randperm(21)
    shards = [Rank(rank, ranks).shard(batch_N) for rank in range(ranks)]
    assert torch.cat(shards).tolist() == batch_N.tolist()
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1


def test_two_ranks_drained_and_resumed_equal_two_uninterrupted_ones(tiny_training: TinyTraining) -> None:
    spec = tiny_training.spec(recipe="thorough", batch_size=24, learning_rate=0.05)
    uninterrupted, drained, resumed = Recorder(), Recorder(drain_before=3), Recorder()
    expected = run_training(with_two_ranks(tiny_training.request(spec, attempt=1)), uninterrupted)
    assert expected.metrics.test_accuracy > 0.9
    assert uninterrupted.phases == ["preparing_data", "training", "evaluating"]
    assert [row.epoch for row in uninterrupted.rows] == [1, 2]

    with pytest.raises(Drained):
        run_training(with_two_ranks(tiny_training.request(spec, attempt=2)), drained)
    assert len(drained.saved) == 1
    trained = run_training(
        with_two_ranks(tiny_training.request(spec, attempt=3, resume_from=drained.saved[0].key)), resumed
    )
    assert weight_hash(trained) == weight_hash(expected)
    assert untimed(drained) + untimed(resumed) == untimed(uninterrupted)


def test_ranks_whose_patience_is_used_up_end_together(tiny_training: TinyTraining) -> None:
    few: dict[str, object] = {"recipe": "thorough", "epochs": 6, "batch_size": 40, "learning_rate": 1e-6}
    recorder = Recorder()
    request = tiny_training.request(tiny_training.spec(**few, patience=1))
    trained = run_training(with_two_ranks(request), recorder)
    assert trained.finish_reason is FinishReason.PATIENCE
    assert recorder.rows[-1].epoch == recorder.steps[-1].epochs == trained.metrics.epochs < 6


def test_an_error_of_a_rank_is_raised_with_its_code_and_message(tiny_training: TinyTraining) -> None:
    with pytest.raises(ModelError, match="was deleted") as raised:
        run_training(
            with_two_ranks(tiny_training.request(tiny_training.spec(init_from="mdl_gone"))), Recorder()
        )
    assert raised.value.code == InitModelUnavailableError.code


class RaisesInAnEpoch(Recorder):
    """Fails as a reporter does whose pipe is closed, or whose code has a fault."""

    def epoch(self, row: EpochRow, is_best: bool) -> None:  # noqa: ARG002 - the protocol
        raise ValueError(f"cannot report epoch {row.epoch}")


def test_an_unexpected_error_of_the_first_rank_ends_all_and_is_raised_as_it_is(
    tiny_training: TinyTraining,
) -> None:
    request = with_two_ranks(tiny_training.request(tiny_training.spec(recipe="classic", epochs=500)))
    with pytest.raises(ValueError, match="cannot report epoch 1"):
        run_training(request, RaisesInAnEpoch())
    assert children_of(os.getpid(), "spawn_main") == []


class FailsInOtherProcesses(LocalStorage):
    """Storage that cannot be read by other processes than the one that opened it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._pid = os.getpid()

    def exists(self, key: str) -> bool:
        if os.getpid() != self._pid:
            raise ZeroDivisionError("no storage here")
        return super().exists(key)


def test_an_unexpected_error_of_another_rank_is_raised_with_its_message(tiny_training: TinyTraining) -> None:
    root = stored_path(tiny_training.storage, dataset_key(tiny_training.facts.id, RECORD_FILE)).parents[2]
    request = with_two_ranks(tiny_training.request(tiny_training.spec(recipe="classic", epochs=500)))
    with pytest.raises(RankFailedError, match="in training process 1: ZeroDivisionError: no") as raised:
        run_training(dataclasses.replace(request, storage=FailsInOtherProcesses(root)), Recorder())
    assert raised.value.rank == 1
    assert children_of(os.getpid(), "spawn_main") == []


@pytest.mark.timeout(600)
@pytest.mark.chaos  # tests/worker/queue/test_devices.py kills a rank of a job in every run
def test_the_death_of_a_rank_ends_the_training_and_all_its_processes(tiny_training: TinyTraining) -> None:
    ended: list[object] = []
    spec = tiny_training.spec(epochs=500)
    recorder = Recorder()

    def run() -> None:
        try:
            ended.append(run_training(with_two_ranks(tiny_training.request(spec)), recorder))
        except RankDiedError as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not recorder.steps:
        assert thread.is_alive()
        time.sleep(0.1)
    victim = children_of(os.getpid(), "spawn_main")[0]
    os.kill(victim, signal.SIGKILL)
    thread.join(300)
    assert [type(one) for one in ended] == [RankDiedError]
    assert children_of(os.getpid(), "spawn_main") == []
