"""What the client does with models and their aliases: reads, promotes, rolls back, downloads, deletes."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ninefold.client.datasets.downloads import download
from ninefold.client.evaluations import evaluate
from ninefold.client.model_imports import import_model
from ninefold.client.transport import Json, Transport
from ninefold.errors import NinefoldError

_UNCHECKED = -1
"""As `expected_version`: whatever version the alias points at."""


class ModelCalls:
    """The calls of a client that are about models."""

    _transport: Transport

    def models(self, **filters: str) -> Iterator[Json]:
        """Yield every model, newest first. Filter: `name`."""
        return self._transport.list_pages("/models", filters)

    def model(self, ref: str) -> Json:
        """Return one model by `mdl_…`, `name`, `name:3`, `name:latest` or `name@alias`."""
        return self._transport.request_object("GET", f"/models/{ref}")

    def evaluation(self, ref: str) -> Json:
        """Return how good a model is on the test images of its dataset: scores with intervals, confusions, calibration."""
        return self._transport.request_object("GET", f"/models/{ref}/evaluation")

    def evaluate(
        self,
        ref: str,
        dataset: str,
        split: str = "test",
        on_progress: Callable[[Json], None] | None = None,
    ) -> Json:
        """Evaluate a model on another dataset, wait for the end and return the run: its `evaluation` has all scores.

        `split` is `test`, `train` or `all`. Images of classes that the model does not have are counted in
        `unknown_classes` and not scored; `training_overlap` of the evaluation tells how many the model has seen in its
        training, and scores the others. `on_progress` receives `{images, total, fraction}` about once a second. Raises
        EvaluationFailedError if the evaluation fails or is cancelled.
        """
        return evaluate(self._transport, self.model(ref)["id"], dataset, split, on_progress)

    def evaluations(self, ref: str) -> Iterator[Json]:
        """Yield the evaluations of a model on other datasets, newest first; each without its `evaluation`."""
        return self._transport.list_pages(f"/models/{self.model(ref)['id']}/evaluations", {})

    def evaluation_run(self, ref: str, evaluation_id: str) -> Json:
        """Return one evaluation of a model on another dataset, as `evaluate` does, also before it has ended."""
        return self._transport.request_object("GET", f"/models/{ref}/evaluations/{evaluation_id}")

    def delete_evaluation(self, ref: str, evaluation_id: str) -> None:
        """Cancel an evaluation on another dataset that has not ended; delete one that has."""
        path = f"/models/{ref}/evaluations/{evaluation_id}"
        self._transport.request("DELETE", path, is_repeatable=False)

    def evaluation_images(
        self,
        ref: str,
        *,
        label: str | None = None,
        predicted: str | None = None,
        order: str = "worst",
        evaluation_id: str | None = None,
    ) -> Iterator[Json]:
        """Yield the images of a label that the model takes for a class, the surest mistakes first.

        The images are the test images of the model's dataset, or those of an evaluation on another one. With
        `order="best"`, the images whose label is most probable come first.
        """
        filters = {"label": label, "predicted": predicted, "order": order}
        given = {field: value for field, value in filters.items() if value is not None}
        part = f"evaluations/{evaluation_id}" if evaluation_id else "evaluation"
        path = f"/models/{self.model(ref)['id']}/{part}/images"
        return self._transport.list_pages(path, given, cursor="image")

    def explain_image(self, image: Json) -> Json:
        """Return where the model looked in an image that `evaluation_images` yielded: scores and `explanation`.

        Raises NinefoldError for an image of a built-in dataset, which lists no images.
        """
        links = image["links"] or {}
        if not links.get("explanation"):
            raise NinefoldError(
                f"{image['dataset_id']} is built in and lists no images: predict your own with explain=True.",
                code="no_report",
            )
        dataset, image_id = image["dataset_id"], image["image"]
        model = links["explanation"].rpartition("model=")[2]
        return self._transport.request_object(
            "GET", f"/datasets/{dataset}/images/{image_id}/explanation", params={"model": model}
        )

    def delete_model(self, ref: str) -> None:
        """Delete a model. Raises NinefoldError (`model_in_use`) while an alias points at it or it is evaluated."""
        self._transport.request("DELETE", f"/models/{ref}", is_repeatable=False)

    def download_model(self, ref: str, path: str | Path, file: str = "model.safetensors") -> None:
        """Write a file of a model, such as `model.safetensors`, `manifest.json` or `README.md`, to a new file."""
        download(self._transport, f"/models/{ref}/files/{file}", Path(path))

    def download_bundle(self, ref: str, path: str | Path) -> None:
        """Write all of a model to a new zip: it classifies without this service, and another service can import it."""
        download(self._transport, f"/models/{ref}/bundle", Path(path))

    def import_model(self, path: str | Path, name: str | None = None) -> Json:
        """Send a bundle that another service exported, wait until it is checked, and return the model.

        The model is the next version of `name`, or of its name in the bundle; no alias is moved. Raises
        ModelImportFailedError if the bundle is rejected.
        """
        return import_model(self._transport, Path(path), name)

    def compare_models(self, ref: str, *others: str) -> Json:
        """Compare a model with others: settings that differ, and metrics, classes and disagreements on common test images.

        Each entry of `pairs` is the first model against one of the others, on test images that neither was trained on.
        """
        params = {"with": list(others)}
        return self._transport.request_object("GET", f"/models/{ref}/comparison", params=params)

    def compared_images(self, ref: str, other: str, which: str = "all") -> Iterator[Json]:
        """Yield the images for which two models predict different classes, the clearest first.

        With `which="only_candidate"` those that only the first model gets right, with `only_current` only the other.
        """
        filters = {"with": other, "which": which}
        return self._transport.list_pages(f"/models/{ref}/comparison/images", filters, cursor="image")

    def alias(self, name: str, alias: str = "production") -> Json:
        """Return an alias: its version, the change that made it so, and the version to which a rollback leads."""
        return self._transport.request_object("GET", _path(name, alias))

    def promote(
        self,
        ref: str,
        alias: str = "production",
        *,
        expected_version: int | None = _UNCHECKED,
        reason: str | None = None,
        if_better: bool | Json = False,
        min_scores: Mapping[str, float] | None = None,
    ) -> Json:
        """Point an alias at a version, given as `name:3`, `name:latest` or `mdl_…`; return the alias.

        With `expected_version`, raises NinefoldError (`alias_moved`) unless the alias points at this version; with None,
        unless there is no such alias. With `if_better`, which may be `{"metric": "balanced_accuracy", "margin": 0.01}`,
        raises it (`not_better`, `no_common_test_set`) unless the version is better than the present one on test images
        that neither was trained on; `comparison` in the error's `members` has the numbers. `min_scores`, such as
        `{"*": 0.6, "cat": 0.8}`, replaces the scores below which predictions through the alias abstain; `{}` removes them.
        """
        model = self.model(ref)
        body = _body(expected_version, reason) | {"version": model["version"]}
        body |= {"if_better": if_better} if if_better or if_better == {} else {}
        body |= {} if min_scores is None else {"min_scores": dict(min_scores)}
        return self._transport.request_object("PUT", _path(model["name"], alias), json=body)

    def shadow(self, name: str) -> Json:
        """Return how often the model with the alias `shadow` agreed with production on a sample of its traffic."""
        return self._transport.request_object("GET", f"/models/{name}/aliases/shadow/traffic")

    def shadow_disagreements(self, name: str) -> Iterator[Json]:
        """Yield the kept images for which the shadow gave another label than production, newest first."""
        return self._transport.list_pages(f"/models/{name}/aliases/shadow/disagreements", {})

    def rollback(
        self,
        name: str,
        alias: str = "production",
        *,
        expected_version: int | None = _UNCHECKED,
        reason: str | None = None,
    ) -> Json:
        """Point an alias at the version before its present one, and return the alias; once more goes further back.

        A lost answer is asked for again with the same key, so the alias goes back once. Deleted versions are skipped
        (`change.skipped_versions`). Raises NinefoldError (`nothing_to_roll_back_to`) if no earlier version exists.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        body = _body(expected_version, reason)
        return self._transport.request_object(
            "POST", f"{_path(name, alias)}/rollback", json=body, headers=headers
        )

    def delete_alias(self, name: str, alias: str, *, reason: str | None = None) -> None:
        """Delete an alias; the model and the history stay."""
        params = {"reason": reason} if reason else {}
        self._transport.request("DELETE", _path(name, alias), params=params, is_repeatable=False)

    def alias_history(self, name: str, alias: str = "production") -> Iterator[Json]:
        """Yield who moved an alias when, from which version to which, and why; the newest change first."""
        return self._transport.list_pages(f"{_path(name, alias)}/history", {})


def _path(name: str, alias: str) -> str:
    return f"/models/{name}/aliases/{alias}"


def _body(expected_version: int | None, reason: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {} if expected_version == _UNCHECKED else {"expected_version": expected_version}
    return body | ({"reason": reason} if reason else {})
