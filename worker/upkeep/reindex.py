"""`python -m worker.upkeep.reindex`: registers the models in storage that the registry lacks."""

import sys

from model.errors import StorageError
from model.storage.opening import open_storage
from worker.errors import WorkerError
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.projects import known_projects, parse_object_key, storage_url
from worker.registry.model_registry import ModelRegistry
from worker.settings import ServiceSettings


def main() -> None:
    """Reindex once and print how many models were added; an error is printed as one line with a non-zero exit."""
    settings = ServiceSettings()
    try:
        with connect(settings.redis_url) as client:
            check_server(client)
            registry = ModelRegistry(client)
            # A Redis that has lost its records knows no project, either.
            stored = {parse_object_key(key)[0] for key in open_storage(settings.storage).list("projects/")}
            count = sum(
                registry.reindex(open_storage(storage_url(settings.storage, project)), project)
                for project in sorted({*registry.run(known_projects()), *stored})
            )
    except (WorkerError, StorageError) as error:
        sys.exit(f"reindex: {error}")
    sys.stdout.write(f"{count} models added to the registry\n")


if __name__ == "__main__":
    main()
