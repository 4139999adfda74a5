"""Fills the open fields of a job's spec from its dataset and from the devices of the live workers. Sends nothing itself."""

from collections.abc import Sequence

from model.artifact.manifest import Manifest
from model.recipes.defaults import resolve
from model.recipes.starter import MOST_IMAGES, STARTER, is_start_open, starter_helps
from model.spec import DatasetFacts, JobSpec, ResolvedSpec

_BECOMES_STARTER = (
    f"The model is named {STARTER}: in production, it is what jobs on small sets (up to {MOST_IMAGES} training images a class) "
    "start from, unless they say init_from. Give the job another name if you do not want that."
)
"""Not for `ninefold models starter build`, which says `init_from: null`."""


def resolve_for_workers(
    spec: JobSpec, facts: DatasetFacts, device_sets: Sequence[Sequence[str]], starter: Manifest | None = None
) -> tuple[ResolvedSpec, list[str]]:
    """Return the complete spec, and warnings for the job's owner.

    Args:
        spec: as the user posted it; `init_from`, where given, is already a model id.
        facts: describes the spec's dataset.
        device_sets: the devices of each live worker that trains.
        starter: the service's starter, if it has one. Small sets whose spec leaves `init_from` out start from it.

    Raises:
        UnfitSpecError: the batches are too small for the requested number of devices.
    """
    # If any worker has a GPU, resolve for a GPU: that worker may well take the job.
    has_gpu = any(device != "cpu" for devices in device_sets for device in devices)
    started: list[str] = []
    if starter and is_start_open(spec) and starter_helps(facts) and starter.dataset.id != facts.id:
        spec = spec.model_copy(update={"init_from": starter.id})
        started.append(
            f"The training starts from the weights of {starter.name}:{starter.version} ({starter.id}), because the dataset "
            f"has only {facts.train_images} training images: post the job with init_from null for random weights."
        )
    resolved, warnings = resolve(spec, facts, "cuda" if has_gpu else "cpu")
    if resolved.name == STARTER and is_start_open(spec) and not started:
        warnings = [_BECOMES_STARTER, *warnings]
    return resolved, [*started, *warnings, *_device_warnings(spec.gpus, device_sets)]


def _device_warnings(gpus: int, device_sets: Sequence[Sequence[str]]) -> list[str]:
    most = max(map(len, device_sets), default=gpus)
    if gpus <= most:
        return []
    numbers = ",".join(map(str, range(gpus)))
    waits = (
        f"No worker has {gpus} devices, the largest has {most}: the job waits until a worker is started with"
    )
    return [f"{waits} `--devices {numbers}`; or post the job with gpus={most}."]
