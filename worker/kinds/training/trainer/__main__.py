"""Entry point of the trainer process."""

from worker.kinds.training.trainer.process import serve
from worker.kinds.training.trainer.training_job import train, warm_up


def main() -> None:
    """Run a trainer for one job."""
    serve(warm_up, train)


if __name__ == "__main__":
    main()
