"""The Lua scripts of the registry: the shared functions and the refusals that they are given."""

from worker import errors
from worker.redis_server.scripts import ScriptFolder
from worker.registry.errors import (
    AliasNotFoundError,
    DatasetInUseError,
    ModelInUseError,
    ModelRequiredError,
    NoModelError,
    NoProductionError,
    NothingToRollBackToError,
    ReviewImageNotFoundError,
    ReviewImageTakenError,
    ReviewOffError,
)

REGISTRY_SCRIPTS = ScriptFolder(
    path="registry/lua",
    applied_once=frozenset(
        (
            "note_shadow",
            "register_model",
            "retire_dataset",
            "retire_model",
            "review/configure",
            "review/keep",
            "review/label",
            "review/settle",
            "review/trim",
            "roll_back_alias",
            "set_alias",
        )
    ),
    refusals=(
        errors.AliasMovedError,
        AliasNotFoundError,
        DatasetInUseError,
        errors.DatasetNotFoundError,
        errors.IdempotencyMismatchError,
        ModelInUseError,
        errors.ModelNotFoundError,
        ModelRequiredError,
        NoModelError,
        NoProductionError,
        NothingToRollBackToError,
        ReviewImageNotFoundError,
        ReviewImageTakenError,
        ReviewOffError,
    ),
)
