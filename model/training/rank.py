"""Trains on one device: the work of each of the processes that train together."""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress

from model.artifact.checkpointed import ServingFacts
from model.artifact.manifest import DatasetReference
from model.artifact.trained_model import TrainedModel
from model.artifact.weights import load_initial_weights
from model.data.duplicates.groups_file import read_training_groups
from model.data.report.near_duplicates import number_groups
from model.device.device import Device, open_device
from model.device.ranks import Rank
from model.errors import (
    DamagedCheckpointError,
    InitModelUnavailableError,
    ObjectMissingError,
    TrainingStateGoneError,
)
from model.network.resnet9 import ResNet9
from model.recipes.progressive_resizing import image_sides
from model.recipes.recipe import Recipe
from model.recipes.resolved_recipe import ResolvedRecipe, resolve_recipe
from model.recipes.schedule import steps_per_epoch
from model.training.checkpoint import Checkpoints, has_grouped_validation
from model.training.final_evaluation import evaluate_final_weights, preprocessing_of
from model.training.loop import TrainingLoop
from model.training.reporter import Reporter
from model.training.request import TrainingRequest
from model.training.run_state import RunState, initial_state
from model.training.step import warm_up
from model.training.training_data import TrainingData, load_training_data

_log = logging.getLogger(__name__)


def train_rank(request: TrainingRequest, reporter: Reporter, rank: Rank) -> TrainedModel | None:
    """Do one rank's work of `run_training`. Rank 0 evaluates and returns the model, the others return None."""
    spec = request.spec
    resolved_recipe = _choose_recipe(request)
    recipe = resolved_recipe.to_recipe()
    device = open_device(request.devices[rank.index], request.threads)
    reporter.phase("preparing_data")
    resumed = [request.resume_from, *request.fallback_checkpoints] if request.resume_from else []
    continued = [request.continue_from] if request.continue_from else []
    groups = _find_groups(request, [*resumed, *continued])
    data = load_training_data(
        spec, request.storage, request.cache_dir, device, groups, cache_limits=request.cache_limits
    )
    _log.info("training images are %s", "mirrored at random" if spec.horizontal_flip else "not mirrored")
    steps = steps_per_epoch(len(data.train), spec.batch_size)
    state = initial_state(spec, recipe, data, steps, device, load_weights=_weight_loader(request, data))
    checkpoints = Checkpoints(
        request.storage,
        request.checkpoint_prefix,
        spec,
        resolved_recipe,
        device,
        world_size=rank.world_size,
        is_grouped=data.is_grouped,
        serving=ServingFacts(
            dataset=DatasetReference.of(data.facts),
            classes=data.facts.classes,
            preprocessing=preprocessing_of(spec, data),
        ),
    )
    _restore(resumed, request.continue_from, checkpoints, state, reporter)
    state.micro_batches = max(state.micro_batches, min(request.micro_batches, spec.batch_size))
    if device.needs_warm_up:
        _warm_up(request, recipe, state, device, rank)
    reporter.phase("training")
    loop = TrainingLoop(
        spec=spec,
        recipe=recipe,
        data=data,
        state=state,
        device=device,
        reporter=reporter,
        checkpoints=checkpoints,
        rank=rank,
        pauses=request.pauses,
        epoch_checkpoint_s=request.checkpoint_every_s,
        step_checkpoint_s=request.step_checkpoint_every_s,
    )
    finish_reason = loop.run()
    if not rank.is_first:
        return None
    if request.state_prefix:  # before the evaluation, which replaces the weights by the best ones
        checkpoints.save_last(state, request.state_prefix)
    reporter.phase("evaluating")
    return evaluate_final_weights(
        spec,
        data,
        state,
        device,
        recipe=resolved_recipe,
        finish_reason=finish_reason,
        test_groups_N=number_groups(spec.dataset, data.test.ids_N, request.storage),
        first_epoch_share=loop.first_epoch_share,
    )


def _find_groups(request: TrainingRequest, resumed: Sequence[str]) -> list[list[int]]:
    """Return the groups of training images that the validation split shall keep together.

    The file of groups may have been added since the training began; a resumed training keeps its validation images.
    """
    groups = read_training_groups(request.spec.dataset, request.storage)
    if groups and resumed and not has_grouped_validation(resumed, request.storage):
        _log.info("validation images are chosen without groups of near duplicates, as this training began")
        return []
    return groups


def _choose_recipe(request: TrainingRequest) -> ResolvedRecipe:
    """Return the request's recipe, or this version's where the request has none; a difference is logged."""
    own = resolve_recipe(request.spec)
    chosen = request.recipe or own
    if changes := own.changes_from(chosen):
        _log.info(
            "training with the recipe %s as Ninefold %s made it, and not as this version would: %s",
            chosen.name,
            chosen.ninefold_version,
            ", ".join(changes),
        )
    return chosen


def _weight_loader(request: TrainingRequest, data: TrainingData) -> Callable[[ResNet9], None] | None:
    """Return a function that loads the weights of the spec's `init_from` model into a network, if the spec has one."""
    model_id = request.spec.init_from
    if model_id is None:
        return None

    def load_weights(network: ResNet9) -> None:
        # A resumed training needs no initial weights, so their model may have been deleted meanwhile.
        is_needed = not (request.resume_from or request.continue_from)
        with nullcontext() if is_needed else suppress(InitModelUnavailableError):
            load_initial_weights(network, data.facts.classes, request.storage, model_id)

    return load_weights


def _restore(
    keys: Sequence[str],
    continued: str | None,
    checkpoints: Checkpoints,
    state: RunState,
    reporter: Reporter,
) -> None:
    """Load the first of these checkpoints that is there and not damaged.

    Without any, training starts from the last state of the training that it continues, or from the beginning.
    """
    unusable = 0
    for key in keys:
        try:
            checkpoints.restore(key, state)
            break
        except (DamagedCheckpointError, ObjectMissingError) as error:
            _log.warning("%s", error)
            unusable += 1
    else:
        if continued:
            _continue(continued, checkpoints, state)
    if unusable:
        reporter.rewind(state.epoch)
    if keys or continued:
        _log.info("resumed after %d epochs and %d steps", state.epoch, state.step)


def _continue(key: str, checkpoints: Checkpoints, state: RunState) -> None:
    try:
        checkpoints.continue_from(key, state)
    except (DamagedCheckpointError, ObjectMissingError) as error:
        raise TrainingStateGoneError(str(error)) from error


def _warm_up(request: TrainingRequest, recipe: Recipe, state: RunState, device: Device, rank: Rank) -> None:
    spec = request.spec
    images = spec.batch_size // (rank.world_size * state.micro_batches)
    for side in sorted(set(image_sides(recipe, spec.image_size))):
        warm_up(state.network, device, images, side)
