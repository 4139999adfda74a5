"""The review of uncertain answers: settings, images and labels. Knows no HTTP."""

from collections.abc import Awaitable, Callable, Sequence

from api.http.callers import Principal
from api.http.errors import invalid_fields
from api.models.review.schemas import ReviewSettings
from api.records.storages import Storages
from model.errors import ObjectMissingError
from worker.registry.errors import ReviewImageNotFoundError, ReviewOffError
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.models import PRODUCTION
from worker.registry.review.records import KeptAnswers, ReviewedImage, image_folder, image_key

_DELETE_TIMEOUT_S = 60.0


class Reviews:
    """The reviews of all names."""

    def __init__(
        self,
        models: AsyncModelRegistry,
        storages: Storages,
        max_bytes: int,
        on_change: Callable[[str, str], Awaitable[None]],
    ) -> None:
        """`on_change` is called with name and project after a review was turned on, changed or turned off."""
        self._on_change = on_change
        self._models = models
        self._storages = storages
        self._max_bytes = max_bytes

    async def configure(self, name: str, settings: ReviewSettings, project: str) -> None:
        """Turn a review on, or change its settings; raises ModelNotFoundError without a model of this name."""
        kept = KeptAnswers(**settings.model_dump())
        dropped = await self._models.configure_review(name, kept, self._max_bytes, project)
        await self._on_change(name, project)
        await self.delete_files(name, dropped, project)

    async def require(self, name: str, project: str) -> None:
        """Raise ReviewOffError if the review of this name is off."""
        if await self._models.review_settings(name, project) is None:
            raise ReviewOffError(name)

    async def end(self, name: str, project: str) -> None:
        """Turn a review off and delete all that was kept; may be repeated, when it was interrupted."""
        await self._models.end_review(name, project)
        await self._on_change(name, project)
        folder = f"{image_folder(name)}/"
        await self._storages.run_within(_DELETE_TIMEOUT_S, self._storages.of(project).delete, folder)

    async def end_without_models(self, project: str) -> None:
        """Turn the reviews of names off of which no model is left."""
        for name in await self._models.reviewed_names(project):
            if not (await self._models.list_models(name, limit=1, project=project)).models:
                await self.end(name, project)

    async def label(
        self, name: str, image_id: str, label: str | None, caller: Principal
    ) -> ReviewedImage | None:
        """Give an image a label; without one, throw it away and return None.

        Raises:
            InvalidRequestError: the model in production does not have this class.
            ReviewOffError: the review of this name is off.
            ReviewImageNotFoundError: the image is not kept.
            ReviewImageTakenError: a dataset version is being made with it.
        """
        if label is not None:
            classes = (await self._models.resolve(f"{name}@{PRODUCTION}", caller.project)).manifest.classes
            if label not in classes:
                raise invalid_fields(
                    ["label"], "The model in production has no such class: GET /models/{name} lists them."
                )
        labelled = await self._models.label_image(name, image_id, label, caller.name, caller.project)
        if labelled is None:
            await self.delete_files(name, [image_id], caller.project)
        return labelled

    async def image(self, name: str, image_id: str, project: str) -> bytes:
        """Return an image as it was sent; raises ReviewImageNotFoundError."""
        if not await self._models.has_review_image(name, image_id, project):
            raise ReviewImageNotFoundError(name)
        try:
            return await self._storages.run(self._storages.of(project).read_bytes, image_key(name, image_id))
        except ObjectMissingError:
            raise ReviewImageNotFoundError(name) from None

    async def delete_files(self, name: str, image_ids: Sequence[str], project: str) -> None:
        """Delete the files of images that are no longer kept."""
        storage = self._storages.of(project)
        keys = [image_key(name, image_id) for image_id in image_ids]

        def delete() -> None:
            for key in keys:
                storage.delete(key)

        if keys:
            await self._storages.run_within(_DELETE_TIMEOUT_S, delete)
