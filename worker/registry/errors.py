"""The refusals of the registry of models and datasets; those that the queue also gives are in worker.errors."""

from worker.errors import WorkerError


class NoProductionError(WorkerError):
    """Raised when a name has models but no production model."""

    code = "no_production"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No version of {name} is in production: set the alias, or ask for {name}:latest or {name}:1."
        )
        self.name = name


class NoModelError(WorkerError):
    """Raised when no name is given and no model is in production."""

    code = "no_model"

    def __init__(self) -> None:
        super().__init__(
            "No model is in production. Make one: POST /jobs with a dataset, such as "
            """{"dataset": "digits"}; the first model of a name goes into production."""
        )


class ModelRequiredError(WorkerError):
    """Raised when no name is given and several models are in production."""

    code = "model_required"

    def __init__(self, *names: str) -> None:
        super().__init__(f"Several models are in production: name one with ?model=, of {', '.join(names)}.")


class ModelInUseError(WorkerError):
    """Raised when a model cannot be deleted because an alias points at it, or an evaluation that has not ended needs it."""

    code = "model_in_use"

    def __init__(self, model_id: str, alias: str, user: str = "", others: str = "0") -> None:
        super().__init__(
            _still_needed(model_id, user, others)
            if user
            else f"The alias {alias} points at {model_id}: move or delete the alias first."
        )
        self.model_id = model_id
        self.alias = alias


class AliasNotFoundError(WorkerError):
    """Raised when a name does not have this alias."""

    code = "alias_not_found"

    def __init__(self, name: str, alias: str) -> None:
        super().__init__(f"{name} has no alias {alias}.")
        self.name = name
        self.alias = alias


class NothingToRollBackToError(WorkerError):
    """Raised when an alias has no earlier version that still exists."""

    code = "nothing_to_roll_back_to"

    def __init__(self, name: str, alias: str, deleted: str) -> None:
        why = f"; its earlier versions ({deleted.replace(',', ', ')}) are deleted" if deleted else ""
        super().__init__(
            f"{alias} of {name} has no earlier version to return to{why}: point it at the version that you want."
        )
        self.name = name
        self.alias = alias


class ReviewOffError(WorkerError):
    """Raised when the uncertain answers of a name are not kept."""

    code = "review_off"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No answers of {name} are kept for a review: turn it on with PUT /models/{name}/review "
            f"(ninefold models review {name} --on)."
        )
        self.name = name


class ReviewImageNotFoundError(WorkerError):
    """Raised when an image is not kept, or no longer."""

    code = "image_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No such image of {name} is kept: it was used, thrown away, or had to make room for newer ones."
        )
        self.name = name


class ReviewImageTakenError(WorkerError):
    """Raised when an image is part of a dataset version that is being made."""

    code = "image_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The next dataset version is being made with this image of {name}: correct the image in the version instead."
        )
        self.name = name


class DatasetInUseError(WorkerError):
    """Raised when a dataset cannot be deleted because work that has not ended needs it."""

    code = "dataset_in_use"

    def __init__(self, dataset_id: str, user: str, others: str) -> None:
        super().__init__(_still_needed(dataset_id, user, others))
        self.dataset_id = dataset_id
        self.user = user


def _still_needed(what: str, user: str, others: str) -> str:
    more = f" and {others} more" if int(others) else ""
    return f"{user}{more} still needs {what}: wait until it has ended, or cancel it."
