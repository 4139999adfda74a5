"""Saves and restores the state of a training as safetensors with a JSON header. Nothing is ever unpickled."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path, PurePath

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from model.artifact.checkpointed import SERVING, ServingFacts
from model.device.device import Device
from model.errors import (
    CorruptArtifactError,
    DamagedCheckpointError,
    ObjectMissingError,
    RecipeChangedError,
    StorageError,
)
from model.host.failpoints import Failpoint, reach
from model.network.resnet9 import published_weights
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import LATER_FIELDS, ResolvedSpec
from model.storage.interface import Storage
from model.training.run_state import Best, CoolDown, RunState

_FORMAT = "1"
_POSITION_FIELDS = {
    "epoch": "epoch",
    "step": "step",
    "train_s": "train_s",
    "data_s": "data_s",
    "steps_made": "steps_made",
    "parts": "micro_batches",
    "used_s": "used_s",
    "left_at": "still_running_at",
}
"""Names in a checkpoint's header, which never change, and the field of `RunState` that each one stores."""
_BEST_FIELDS = [field.name for field in fields(Best) if field.name != "weights"]
_GROUPED = "validation_is_grouped"
_COOL_DOWN = "cool_down"
"""Not a position field: the first release refuses a checkpoint with a position field that it does not know."""
_MAY_DIFFER = frozenset({"epochs", "time_budget_s", "name", "promote", "tags"})
"""The settings that a training may have of its own when it continues another one."""
_log = logging.getLogger(__name__)


def has_grouped_validation(keys: Sequence[str], storage: Storage) -> bool:
    """Whether the training of these checkpoints chose validation images by group; True if no checkpoint can be read.

    Checkpoints of earlier versions, and of trainings of datasets that had no groups at that time, say no.
    """
    for key in keys:
        with (
            suppress(ObjectMissingError, SafetensorError, ValueError),
            storage.as_file(key) as path,
            safe_open(path, "pt") as file,
        ):
            return json.loads((file.metadata() or {}).get(_GROUPED, "false")) is True
    return True


class Checkpoints:
    """The checkpoints of one attempt. Each has a new key; the supervisor deletes the old ones."""

    def __init__(
        self,
        storage: Storage,
        prefix: str,
        spec: ResolvedSpec,
        recipe: ResolvedRecipe,
        device: Device,
        *,
        world_size: int = 1,
        is_grouped: bool = False,
        serving: ServingFacts | None = None,
    ) -> None:
        self._storage = storage
        self._prefix = prefix.rstrip("/")
        self._spec = spec
        self._recipe = recipe
        self._environment = {**device.describe(), "ranks": str(world_size)}
        self._is_grouped = is_grouped
        self._serving = serving

    def save(self, state: RunState) -> str:
        """Store the state durably and return its storage key, which ends in the SHA-256 of the bytes."""
        reach(Failpoint.CHECKPOINT_DUE)
        position = f"epoch-{state.epoch:04d}-step-{state.step:06d}"
        key, _ = self._put(f"{self._prefix}/{position}", state)
        reach(Failpoint.CHECKPOINT_PUT)
        return key

    def save_last(self, state: RunState, prefix: str) -> None:
        """Store the state at the end of a training, for another one to continue. A failure is only logged."""
        try:
            _, size_bytes = self._put(prefix, state)
        except StorageError as error:
            _log.warning("the training state is not kept, so this job cannot be extended: %s", error)
        else:
            _log.info("the training state is kept (%.0f MB): this job can be extended", size_bytes / 1e6)

    def _put(self, start: str, state: RunState) -> tuple[str, int]:
        """Store the state under a key that starts so; return the key and the size in bytes."""
        data = save(_tensors(state), metadata=self._header(state))
        key = f"{start}-{hashlib.sha256(data).hexdigest()}.safetensors"
        self._storage.put_bytes(key, data)
        return key, len(data)

    def restore(self, key: str, state: RunState) -> None:
        """Load a checkpoint into an initial state.

        Raises:
            DamagedCheckpointError: the bytes are not those that were saved; the state is unchanged.
            CorruptArtifactError: the checkpoint cannot be read, or belongs to another spec.
            RecipeChangedError: the checkpoint was trained with another recipe.
        """
        self._restore(key, state, except_for=frozenset())

    def continue_from(self, key: str, state: RunState) -> None:
        """Load the last state of another training into an initial state, to train for more epochs or minutes.

        Raises the same errors as `restore`.
        """
        self._restore(key, state, except_for=_MAY_DIFFER)
        state.used_s, state.still_running_at, state.cool_down = 0.0, 0.0, None

    def _restore(self, key: str, state: RunState, *, except_for: frozenset[str]) -> None:
        try:
            with self._storage.as_file(key) as path:
                _check_bytes(key, path)
                with safe_open(path, "pt") as file:
                    header: dict[str, str] = file.metadata()
                    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            self._check(key, header, except_for)
            _load(state, tensors, header)
        except (SafetensorError, KeyError, ValueError) as error:
            raise CorruptArtifactError(f"Checkpoint {key!r} cannot be read: post the job again.") from error

    def _header(self, state: RunState) -> dict[str, str]:
        position = {stored: getattr(state, name) for stored, name in _POSITION_FIELDS.items()}
        best = state.best and {k: v for k, v in vars(state.best).items() if k != "weights"}
        return {
            "format": _FORMAT,
            "spec": self._spec.first_release_json(),
            "recipe": self._recipe.model_dump_json(),
            "position": json.dumps(position),
            "best": json.dumps(best),
            _GROUPED: json.dumps(self._is_grouped),
            **({SERVING: self._serving.model_dump_json()} if self._serving else {}),
            **({_COOL_DOWN: json.dumps(vars(state.cool_down))} if state.cool_down else {}),
            **self._environment,
        }

    def _check(self, key: str, header: Mapping[str, str], except_for: frozenset[str]) -> None:
        saved, own = (_known_fields(spec, except_for) for spec in (_spec_in(header), self._spec))
        if header["format"] != _FORMAT or saved != own:
            raise CorruptArtifactError(f"Checkpoint {key!r} is another job's: post this job again.")
        self._check_recipe(key, header.get("recipe"), except_for)
        before = {"ranks": "1", **header}  # the first versions trained on one device only
        changed = [f"{k} {before[k]} → {v}" for k, v in self._environment.items() if before[k] != v]
        if changed:
            _log.warning(
                "resuming in another environment (%s): the training will not be bit-identical",
                ", ".join(changed),
            )

    def _check_recipe(self, key: str, recipe_json: str | None, except_for: frozenset[str]) -> None:
        if recipe_json is None:
            _log.info(
                "the checkpoint is of an earlier version and does not name its recipe: continuing with %s (%s)",
                self._recipe.name,
                self._recipe.digest,
            )
            return
        saved = ResolvedRecipe.model_validate_json(recipe_json).with_settings(
            {name: value for name, value in self._recipe.settings.items() if name in except_for}
        )
        if changes := self._recipe.changes_from(saved):
            raise RecipeChangedError(key, saved.ninefold_version, changes)


def _spec_in(header: Mapping[str, str]) -> ResolvedSpec:
    return ResolvedSpec.model_validate_json(header["spec"])


def _known_fields(spec: ResolvedSpec, except_for: frozenset[str]) -> dict[str, object]:
    """Return the fields of the spec that every release stores in a checkpoint."""
    left_out = LATER_FIELDS | except_for
    return {name: getattr(spec, name) for name in ResolvedSpec.model_fields if name not in left_out}


def _check_bytes(key: str, path: Path) -> None:
    expected = PurePath(key).stem.rpartition("-")[2]
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"Storage cannot read {key!r}: {error.strerror}.") from error
    if found != expected:
        raise DamagedCheckpointError(
            f"The bytes of checkpoint {key!r} are not those that were saved: check the disk."
        )


def _tensors(state: RunState) -> dict[str, Tensor]:
    groups = {
        "network": published_weights(state.network),
        "momentum": {
            name: state.optimizer.state[parameter]["momentum_buffer"]
            for name, parameter in state.network.named_parameters()
            if "momentum_buffer" in state.optimizer.state[parameter]
        },
        "average": published_weights(state.average.network) if state.average else {},
        "best": state.best.weights if state.best else {},
        "sums": {"epoch": state.sums},
        "predictions": state.predictions.tensors(),
    }
    # safetensors needs contiguous tensors; restoring copies into channels_last tensors again.
    return {f"{group}/{k}": v.contiguous() for group, tensors in groups.items() for k, v in tensors.items()}


def _load(state: RunState, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    _copy_weights(state.network, _group(tensors, "network"))
    if state.average:
        _copy_weights(state.average.network, _group(tensors, "average"))
    parameters = dict(state.network.named_parameters())
    for name, buffer in _group(tensors, "momentum").items():
        parameter = parameters[name]
        state.optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(
            parameter, requires_grad=False
        ).copy_(buffer)
    sums = tensors["sums/epoch"][: len(state.sums)]  # later versions may have more
    state.sums[: len(sums)].copy_(sums)  # earlier versions had fewer sums
    state.predictions.load(_group(tensors, "predictions"))
    for stored, value in json.loads(header["position"]).items():
        if stored in _POSITION_FIELDS:
            setattr(state, _POSITION_FIELDS[stored], value)
    cool_down = json.loads(header.get(_COOL_DOWN, "null"))
    state.cool_down = cool_down and CoolDown(**cool_down)
    best = json.loads(header["best"])
    state.best = best and Best(weights=_group(tensors, "best"), **{name: best[name] for name in _BEST_FIELDS})


def _copy_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in published_weights(network).items():
            tensor.copy_(weights[name])


def _group(tensors: Mapping[str, Tensor], group: str) -> dict[str, Tensor]:
    return {k.removeprefix(f"{group}/"): v for k, v in tensors.items() if k.startswith(f"{group}/")}
