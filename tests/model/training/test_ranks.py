"""Two processes that train one network together, over gloo on this machine's processors."""

import dataclasses
import os
import signal
import threading
import time

import pytest
import torch

from model.device.ranks import Rank
from model.errors import InitModelUnavailableError, ModelError, RankDiedError
from model.training.reporter import Drained
from model.training.request import TrainingRequest
from model.training.training import run_training
from tests.model.tiny import TIMINGS, Recorder, Workshop
from tests.model.training.test_training import weight_hash
from tests.worker.processes import children_of


def two(request: TrainingRequest) -> TrainingRequest:
    return dataclasses.replace(request, devices=("cpu", "cpu"), threads=2)


def untimed(recorder: Recorder) -> list[dict[str, object]]:
    return [{k: v for k, v in vars(row).items() if k not in TIMINGS} for row in recorder.rows]


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_shares_are_all_of_a_batch_and_do_not_overlap(ranks: int) -> None:
    batch_N = torch.randperm(21)
    shares = [Rank(rank, ranks).shard(batch_N) for rank in range(ranks)]
    assert torch.cat(shares).tolist() == batch_N.tolist()
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_two_ranks_drained_and_resumed_are_two_undisturbed_ones(workshop: Workshop) -> None:
    spec = workshop.spec(epochs=3, batch_size=12, learning_rate=0.05)
    undisturbed, drained, resumed = Recorder(), Recorder(drain_before=4), Recorder()
    expected = run_training(two(workshop.request(spec, attempt=1)), undisturbed)
    assert expected.metrics.test_accuracy > 0.9
    assert undisturbed.phases == ["preparing_data", "training", "evaluating"]
    assert [row.epoch for row in undisturbed.rows] == [1, 2, 3]

    with pytest.raises(Drained):
        run_training(two(workshop.request(spec, attempt=2)), drained)
    assert len(drained.saved) == 1
    trained = run_training(two(workshop.request(spec, attempt=3, resume_from=drained.saved[0].key)), resumed)
    assert weight_hash(trained) == weight_hash(expected)
    assert untimed(drained) + untimed(resumed) == untimed(undisturbed)


def test_an_error_that_says_what_to_do_is_the_runs(workshop: Workshop) -> None:
    with pytest.raises(ModelError, match="was deleted") as raised:
        run_training(two(workshop.request(workshop.spec(init_from="mdl_gone"))), Recorder())
    assert raised.value.code == InitModelUnavailableError.code


def test_the_death_of_a_rank_ends_the_run_and_leaves_nobody(workshop: Workshop) -> None:
    ended: list[object] = []
    spec = workshop.spec(recipe="classic", epochs=500)
    recorder = Recorder()

    def run() -> None:
        try:
            ended.append(run_training(two(workshop.request(spec)), recorder))
        except RankDiedError as error:
            ended.append(error)

    run_it = threading.Thread(target=run)
    run_it.start()
    while not recorder.steps:
        assert run_it.is_alive()
        time.sleep(0.1)
    victim = children_of(os.getpid(), "spawn_main")[1]
    os.kill(victim, signal.SIGKILL)
    run_it.join(60)
    assert [type(one) for one in ended] == [RankDiedError]
    assert children_of(os.getpid(), "spawn_main") == []
