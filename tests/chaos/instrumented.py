"""The parts under test by their own entry points, with failpoints armed: `python -m tests.chaos.instrumented ROLE FOLDER`.

Roles: api, worker, trainer (counts), network (the trainer with the real network).
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from model.host.failpoints import arm
from tests.chaos.fault_plans import Plans
from tests.chaos.history import History

VISIBILITY_TIMEOUT_S = 1


def main() -> None:
    """Be that part; what else is on the command line is the part's own."""
    role, folder = sys.argv[1], Path(sys.argv[2])
    sys.argv = [role, *sys.argv[3:]]
    history = History(folder)
    plans = Plans(folder, history)
    arm(lambda failpoint: plans.follow("trainer" if role == "network" else role, failpoint))
    match role:
        case "api":
            _serve(folder)
        case "worker":
            _work(folder, history)
        case "trainer":
            _count(history)
        case "network":
            _train()


# Each part imports what it alone needs: a trainer must not wait for FastAPI.


def _serve(folder: Path) -> None:
    from api import __main__ as api  # noqa: PLC0415  # as above
    from tests.chaos import mutants  # noqa: PLC0415  # as above

    mutants.install(folder)
    api.main()


def _work(folder: Path, history: History) -> None:
    from tests.chaos import mutants, write_recorder  # noqa: PLC0415  # as above
    from worker.service import celery_app, service  # noqa: PLC0415  # as above
    from worker.settings import WorkerSettings  # noqa: PLC0415  # as above

    mutants.install(folder)
    write_recorder.install(history)
    vars(service)["make_app"] = partial(_with_impatient_broker, celery_app.make_app)
    trainer = (sys.executable, "-m", "tests.chaos.instrumented", sys.argv[1], str(folder))
    sys.exit(service.run_worker(WorkerSettings(), trainer))


def _with_impatient_broker(make_app: Callable[[str], Any], redis_url: str) -> Any:
    """A broker that gives a bell to others after a second instead of an hour: jobs here outlive that many times."""
    app = make_app(redis_url)
    options = app.conf.broker_transport_options
    app.conf.broker_transport_options = {**options, "visibility_timeout": VISIBILITY_TIMEOUT_S}
    return app


def _count(history: History) -> None:
    from tests.chaos import step_recording_trainer  # noqa: PLC0415  # as above

    step_recording_trainer.run(history)


def _train() -> None:
    from worker.kinds.training.trainer import __main__ as trainer  # noqa: PLC0415  # as above

    trainer.main()


if __name__ == "__main__":
    main()
