"""The options of `ninefold up`, and the environment, port and worker arguments that follow from them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ninefold.errors import StartError
from ninefold.local.data_folder import DataFolder
from ninefold.local.ports import free_port, is_free
from ninefold.local.processors import count_cpus, count_gpus

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
PORT_WAIT_S = 3.0
"""The API of an `up` that was killed a moment ago may still hold the port."""


@dataclass(frozen=True)
class StackOptions:
    """The options of `ninefold up`."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    """0: any free port."""
    workers: int = 0
    """0: one worker for each GPU, or one worker on the CPU."""


def service_environment(folder: DataFolder, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the service processes; variables that the user set take precedence."""
    defaults = {
        "NINEFOLD_STORAGE": folder.storage.as_uri(),
        "NINEFOLD_CACHE_DIR": str(folder.cache),
        "NINEFOLD_RUNTIME_DIR": str(folder.runtime),
        "PYTHONUNBUFFERED": "1",
        "PYTHONSAFEPATH": "1",  # a folder `api` or `model` in the working directory must not be imported
    }
    return defaults | dict(environment) | _without_proxy_on_this_machine(environment)


def _without_proxy_on_this_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """Return NO_PROXY with the loopback addresses: an object store on this machine is not behind the proxy."""
    if not any(name.lower().endswith("_proxy") for name in environment):
        return {}
    named = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    hosts = ",".join([*filter(None, [named]), *LOOPBACK_HOSTS])
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def choose_port(host: str, port: int) -> int:
    """Return `port` once it is free, or any free port for 0; raises StartError if the port stays in use."""
    if port == 0:
        return free_port(host)
    deadline = time.monotonic() + PORT_WAIT_S
    while not is_free(host, port):
        if time.monotonic() > deadline:
            raise StartError(
                f"Port {port} on {host} cannot be used: another program listens there. Try --port 0."
            )
        time.sleep(0.1)
    return port


def worker_arguments(requested_workers: int, environment: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return the role and the command-line arguments of each worker; several workers share the CPUs equally.

    One more worker serves the lane `light`: an import begins at once while a long training runs.
    """
    gpus = count_gpus(environment)
    count = requested_workers or max(1, gpus)
    threads = ["--threads", str(max(1, count_cpus() // count))] if count > 1 else []
    roles = ["worker"] if count == 1 else [f"worker-{index}" for index in range(count)]
    training = ["--lanes", "training"]
    return [
        *(
            (role, [*training, *threads, *(["--devices", str(index % gpus)] if gpus else [])])
            for index, role in enumerate(roles)
        ),
        ("worker-light", ["--lanes", "light", "--devices", "cpu"]),
    ]
