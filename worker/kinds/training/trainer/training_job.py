"""Trains the job of a start message with the model package. Imports torch inside its functions only.

Importing torch takes seconds. By then the process must already end when its parent dies or closes stdin.
"""

from model.artifact.manifest import ManifestDraft
from model.commands.tensorboard import with_tensorboard
from model.host.cpus import limit_openmp_spinning
from model.storage.opening import open_storage
from model.training.request import TrainingRequest
from worker.kinds.training.messages import Start
from worker.kinds.training.trainer.reporter import PipeReporter
from worker.queue.states import Phase


def warm_up() -> None:
    """Import torch and run one tiny training step, so that the job does not wait for either.

    The first step loads kernels and starts threads.
    """
    limit_openmp_spinning()
    import torch  # noqa: PLC0415 - see the module's docstring

    import model.training.training  # noqa: F401, PLC0415 - as above

    convolution = torch.nn.Conv2d(3, 8, 3, bias=False).to(memory_format=torch.channels_last)
    convolution(torch.zeros(2, 3, 16, 16)).sum().backward()


def train(start: Start, reporter: PipeReporter) -> ManifestDraft:
    """Train the job and put the model's files, all but the manifest, into storage."""
    from model.artifact.staging import stage_model  # noqa: PLC0415 - as above
    from model.training.training import run_training  # noqa: PLC0415 - as above

    storage = open_storage(start.storage)
    request = TrainingRequest(
        spec=start.spec,
        recipe=start.recipe,
        checkpoint_prefix=start.out_prefix,
        resume_from=start.resume_from,
        fallback_checkpoints=start.fall_back_to,
        state_prefix=start.state_prefix,
        continue_from=start.continue_from,
        devices=tuple(map(_choose_device, start.devices)),
        threads=start.threads,
        micro_batches=start.batch_parts,
        pauses=start.pauses,
        cache_dir=start.cache_dir,
        cache_limits=start.cache_limits,
        storage=storage,
    )
    trained = run_training(request, with_tensorboard(reporter, start.curves) if start.curves else reporter)
    reporter.phase(Phase.PUBLISHING)
    return stage_model(trained, storage, start.model_id)


def _choose_device(setting: str) -> str:
    """Resolve `auto`: only the trainer can ask torch which devices there are."""
    import torch  # noqa: PLC0415 - as above

    if setting != "auto":
        return setting
    return "cuda" if torch.cuda.is_available() else "cpu"
