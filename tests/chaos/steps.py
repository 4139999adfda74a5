"""The steps at which the tests kill, freeze and delay processes, for each kind of work."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from model.host.failpoints import Failpoint
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.instrumented.fault_plans import Fault
from worker.queue.kinds import Kind

RENEWAL = (Failpoint.RENEW_DUE, Failpoint.RENEW_RECORDED)
_ATTEMPT = (Failpoint.CLAIM_RECORDED, Failpoint.CLAIM_CHILD_STARTED, *RENEWAL)
_PUT_OF_FILE = (Failpoint.PUT_SYNCED, Failpoint.PUT_LINKED, Failpoint.PUT_DURABLE)
_PUT = (Failpoint.PUT_BEGUN, Failpoint.PUT_WRITTEN, *_PUT_OF_FILE)

WORKER_STEPS: Mapping[Kind, Sequence[Failpoint]] = {
    Kind.TRAINING: (
        *_ATTEMPT,
        Failpoint.CHECKPOINT_RECORDED,
        Failpoint.PUBLISH_BEGUN,
        Failpoint.PUBLISH_COMMITTED,
        Failpoint.PUBLISH_WRITTEN,
        Failpoint.FINISH_RECORDED,
    ),
    Kind.DATASET_IMPORT: (
        *_ATTEMPT,
        *_PUT_OF_FILE,
        Failpoint.IMPORT_STORED,
        Failpoint.FINISH_RECORDED,
        Failpoint.IMPORT_SETTLED,
    ),
    Kind.EVALUATION: (*_ATTEMPT, Failpoint.FINISH_RECORDED),
}
CHILD_STEPS: Mapping[Kind, Sequence[Failpoint]] = {
    Kind.TRAINING: (
        Failpoint.CHECKPOINT_DUE,
        Failpoint.CHECKPOINT_PUT,
        Failpoint.CHECKPOINT_REPORTED,
        *_PUT,
        Failpoint.PUBLISH_STAGED,
    ),
    Kind.DATASET_IMPORT: (*_PUT, Failpoint.IMPORT_READ),
    Kind.EVALUATION: (Failpoint.EVALUATION_PREDICTED, *_PUT),
}
CHILD_ROLE = {Kind.TRAINING: "trainer", Kind.DATASET_IMPORT: "importer", Kind.EVALUATION: "evaluator"}

COMMITTED = {
    Kind.TRAINING: {Failpoint.PUBLISH_COMMITTED, Failpoint.PUBLISH_WRITTEN, Failpoint.FINISH_RECORDED},
    Kind.DATASET_IMPORT: {Failpoint.FINISH_RECORDED, Failpoint.IMPORT_SETTLED},
    Kind.EVALUATION: {Failpoint.FINISH_RECORDED},
}
"""After these steps a cancel is refused, and the work succeeds."""
ENDED = {Failpoint.FINISH_RECORDED, Failpoint.IMPORT_SETTLED}
"""After these steps the attempt has recorded its end."""


def quick_with(quick: Kind) -> list[Any]:
    """Return every kind of work; all but this one run with `make chaos` only."""
    return [
        pytest.param(kind, marks=() if kind is quick else (pytest.mark.chaos,), id=kind)
        for kind in CHILD_ROLE
    ]


def at_steps(steps: Mapping[Kind, Sequence[Failpoint]], quick: Iterable[Failpoint]) -> list[Any]:
    """Return a pair of kind and failpoint for each step; all but the quick ones run with `make chaos` only."""
    return [
        pytest.param(kind, point, marks=() if point in quick else (pytest.mark.chaos,), id=f"{kind}-{point}")
        for kind, points in steps.items()
        for point in points
    ]


def plan_silence(cluster: Cluster, kind: Kind, failpoint: Failpoint) -> None:
    """Let a trainer report nothing for a second, if the failpoint is at a renewal: each report renews the lease too."""
    if kind is Kind.TRAINING and failpoint in RENEWAL:
        cluster.plan(CHILD_ROLE[kind], Failpoint.CHECKPOINT_DUE, Fault.DELAY, delay_s=1)
