"""Runs a service process with fault plans and recording: `python -m tests.chaos.instrumented ROLE FOLDER`.

Roles: api, worker, trainer (counts steps), network (the trainer with the real network), importer, evaluator (counts images).
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from model.host.failpoints import arm
from tests.chaos.history.history import History
from tests.chaos.instrumented.fault_plans import FaultPlans

VISIBILITY_TIMEOUT_S = 1


def main() -> None:
    """Run the process of the role; further arguments on the command line belong to the process."""
    role, folder = sys.argv[1], Path(sys.argv[2])
    sys.argv = [role, *sys.argv[3:]]
    history = History(folder)
    plans = FaultPlans(folder, history)
    arm(lambda failpoint: plans.execute("trainer" if role == "network" else role, failpoint))
    match role:
        case "api":
            _run_api(folder)
        case "worker":
            _run_worker(folder, history)
        case "trainer":
            _run_counting_trainer(history)
        case "network":
            _run_real_trainer()
        case "importer":
            _run_importer(history)
        case "evaluator":
            _run_counting_evaluator(history)


# Each role imports only what it needs: a trainer must not wait for the import of FastAPI.


def _run_api(folder: Path) -> None:
    from api import __main__ as api  # noqa: PLC0415  # as above
    from tests.chaos.instrumented import mutants  # noqa: PLC0415  # as above

    mutants.install(folder)
    api.main()


def _run_worker(folder: Path, history: History) -> None:
    from tests.chaos.instrumented import mutants, write_recorder  # noqa: PLC0415  # as above
    from worker.service import celery_app, service  # noqa: PLC0415  # as above
    from worker.service.abilities import ChildCommands  # noqa: PLC0415  # as above
    from worker.settings import WorkerSettings  # noqa: PLC0415  # as above

    mutants.install(folder)
    write_recorder.install(history)
    vars(service)["make_app"] = partial(_with_short_visibility_timeout, celery_app.make_app)
    trainer_role = sys.argv[1]
    commands = ChildCommands(
        *(_child_command(role, folder) for role in (trainer_role, "importer", "evaluator"))
    )
    sys.exit(service.run_worker(WorkerSettings(), commands))


def _child_command(role: str, folder: Path) -> tuple[str, ...]:
    """Return the command of a child process; the folder is an argument because importers get no environment."""
    return (sys.executable, "-m", "tests.chaos.instrumented", role, str(folder))


def _with_short_visibility_timeout(make_app: Callable[[str], Any], redis_url: str) -> Any:
    """Make the broker redeliver an unacknowledged wake-up after a second instead of an hour.

    Jobs here last many times that long, so redelivery happens during each of them.
    """
    app = make_app(redis_url)
    options = app.conf.broker_transport_options
    app.conf.broker_transport_options = {**options, "visibility_timeout": VISIBILITY_TIMEOUT_S}
    return app


def _run_counting_trainer(history: History) -> None:
    from tests.chaos.instrumented import step_recording_trainer  # noqa: PLC0415  # as above

    step_recording_trainer.run(history)


def _run_real_trainer() -> None:
    from worker.kinds.training.trainer import __main__ as trainer  # noqa: PLC0415  # as above

    trainer.main()


def _run_importer(history: History) -> None:
    from tests.chaos.instrumented import file_recording_importer  # noqa: PLC0415  # as above

    file_recording_importer.run(history)


def _run_counting_evaluator(history: History) -> None:
    from tests.chaos.instrumented import image_recording_evaluator  # noqa: PLC0415  # as above

    image_recording_evaluator.run(history)


if __name__ == "__main__":
    main()
