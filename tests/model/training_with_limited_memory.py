"""A script: trains one epoch with less memory than whole batches need; prints the number of micro-batches as JSON."""

import json
import logging
import resource
import sys
from pathlib import Path

from model.storage.opening import open_storage
from model.training.reporter import Command
from model.training.training import run_training
from tests.model.tiny_training import Recorder, TinyTraining, import_colours

SPARE_MIB = 400
BATCH = 48


class MemoryLimiter(Recorder):
    """Limits the memory of the process before the first step."""

    def next_command(self) -> Command:
        if not self.steps:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + (SPARE_MIB << 20)
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        return super().next_command()


def main() -> None:
    folder = Path(sys.argv[1])
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    storage = open_storage((folder / "storage").as_uri())
    tiny_training = TinyTraining(
        storage, folder / "cache", import_colours(folder / "images", storage, images=16)
    )
    spec = tiny_training.spec(
        recipe=None, epochs=1, batch_size=BATCH, image_size=64, augmentation="light", validation_fraction=0.0
    )
    trained = run_training(tiny_training.request(spec), MemoryLimiter())
    json.dump(
        {
            "micro_batches": trained.metrics.batch_parts,
            "imports_the_compiler": "torch._dynamo" in sys.modules,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
