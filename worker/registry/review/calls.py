"""The calls about answers of production that a person shall review. Sends nothing itself."""

import json
from collections.abc import Sequence
from typing import Any

from worker.redis_server import keys as redis_keys
from worker.redis_server.projects import DEFAULT_PROJECT, scoped
from worker.redis_server.scripts import Commands, Reply, ScriptCall
from worker.registry.review.records import (
    KeptAnswers,
    NewReviewImage,
    ReviewedImage,
    ReviewImage,
    ReviewLabel,
    ReviewState,
    State,
    TakenImages,
    VersionJob,
    VersionPlan,
)
from worker.registry.scripts import REGISTRY_SCRIPTS

_BY_STATE: dict[State, str] = {
    "waiting": redis_keys.REVIEW_WAITING,
    "labelled": redis_keys.REVIEW_LABELLED,
    "taken": redis_keys.REVIEW_TAKEN,
}
_ALL_KEYS = (
    redis_keys.REVIEW,
    redis_keys.REVIEW_IMAGES,
    redis_keys.REVIEW_LABELS,
    redis_keys.REVIEW_SEEN,
    *_BY_STATE.values(),
)


def _call(script: str, name: str, project: str, read: Any, **arguments: object) -> ScriptCall[Any]:
    return REGISTRY_SCRIPTS.call(f"review/{script}", {"project": project, "name": name, **arguments}, read)


def configure_review(
    name: str, settings: KeptAnswers, max_bytes: int, project: str = DEFAULT_PROJECT
) -> ScriptCall[list[str]]:
    """Turn the review of a name on, or change it; return the ids of images to delete.

    Raises:
        ModelNotFoundError: no model has this name.
    """
    text = settings.model_dump_json()
    return _call("configure", name, project, list, settings=text, max_bytes=max_bytes)


def review_settings(name: str, project: str = DEFAULT_PROJECT) -> Commands[KeptAnswers | None]:
    """Read which answers of a name are kept; None for none."""

    def read(results: list[Any]) -> KeptAnswers | None:
        return results[0] and KeptAnswers.model_validate_json(results[0])

    return Commands((("HGET", scoped(project, redis_keys.REVIEW) + name, "settings"),), read)


def review_state(name: str, project: str = DEFAULT_PROJECT) -> Commands[ReviewState | None]:
    """Read the state of a review; None when it is off."""

    def read(results: list[Any]) -> ReviewState | None:
        fields: dict[str, str] = results[0]
        if "settings" not in fields:
            return None
        numbers = {one: int(fields.get(one, 0)) for one in ("image_bytes", "missed", "used")}
        return ReviewState(
            settings=KeptAnswers.model_validate_json(fields["settings"]),
            making=_read_plan(fields.get("making")),
            made=_read_plan(fields.get("made")),
            job=VersionJob.model_validate_json(fields["job"]) if "job" in fields else None,
            **numbers,
            **dict(zip(_BY_STATE, results[1:], strict=True)),
        )

    sizes = (("ZCARD", scoped(project, key) + name) for key in _BY_STATE.values())
    return Commands((("HGETALL", scoped(project, redis_keys.REVIEW) + name), *sizes), read)


def _read_plan(text: str | None) -> VersionPlan | None:
    return VersionPlan.model_validate_json(text) if text else None


def is_seen(name: str, sha256: str, project: str = DEFAULT_PROJECT) -> Commands[bool]:
    """Return whether the image is kept already, or was thrown away or used."""
    command = ("ZSCORE", scoped(project, redis_keys.REVIEW_SEEN) + name, sha256)
    return Commands((command,), lambda results: results[0] is not None)


def keep_image(
    name: str, image: NewReviewImage | None, *, missed: int, max_bytes: int, project: str = DEFAULT_PROJECT
) -> ScriptCall[list[str]]:
    """Keep an image whose file is in storage; return the ids of images to delete, which may be this one.

    Args:
        name: of the model.
        image: None when only `missed` shall be counted.
        missed: images that were not kept since the last call.
        max_bytes: most bytes of all images together.
        project: of the model.
    """
    fields: dict[str, object] = {"missed": missed, "max_bytes": max_bytes}
    if image:
        text = image.model_dump_json()
        fields |= {"id": image.id, "sha256": image.sha256, "size_bytes": image.size_bytes, "image": text}
    return _call("keep", name, project, list, **fields)


def label_image(
    name: str, image_id: str, label: str | None, by: str, project: str = DEFAULT_PROJECT
) -> ScriptCall[ReviewedImage | None]:
    """Give an image a label. Without a label the image is forgotten, and the caller deletes its file.

    Raises:
        ReviewOffError: the review of this name is off.
        ReviewImageNotFoundError: the image is not kept.
        ReviewImageTakenError: a dataset version is being made with it.
    """

    def read(reply: Reply) -> ReviewedImage | None:
        return _reviewed(*reply) if reply else None

    text = None if label is None else json.dumps({"label": label, "by": by})
    return _call("label", name, project, read, id=image_id, label=text)


def _reviewed(image: str, label: str) -> ReviewedImage:
    given = ReviewLabel.model_validate_json(label) if label else None
    return ReviewedImage(ReviewImage.model_validate_json(image), given)


def list_review_images(
    name: str, state: State, *, limit: int = 20, after: str = "", project: str = DEFAULT_PROJECT
) -> ScriptCall[list[ReviewedImage]]:
    """List images in a state, newest first.

    Raises:
        ReviewOffError: the review of this name is off.
    """

    def read(reply: Reply) -> list[ReviewedImage]:
        return [_reviewed(*pair) for pair in zip(reply[::2], reply[1::2], strict=True)]

    index = scoped(project, _BY_STATE[state]) + name
    return _call("list", name, project, read, index=index, limit=limit, after=after)


def has_review_image(name: str, image_id: str, project: str = DEFAULT_PROJECT) -> Commands[bool]:
    """Return whether an image is kept."""
    command = ("HEXISTS", scoped(project, redis_keys.REVIEW_IMAGES) + name, image_id)
    return Commands((command,), lambda results: bool(results[0]))


def take_labelled(
    name: str, plan: VersionPlan | None, project: str = DEFAULT_PROJECT
) -> ScriptCall[TakenImages]:
    """Take the images with a label for a dataset version, unless one is being made: return that one then.

    Raises:
        ReviewOffError: the review of this name is off.
    """

    def read(reply: Reply) -> TakenImages:
        labels = map(ReviewLabel.model_validate_json, reply[2::2])
        found = VersionPlan.model_validate_json(reply[0]) if reply[0] else None
        return TakenImages(found, {one: label.label for one, label in zip(reply[1::2], labels, strict=True)})

    return _call("take", name, project, read, plan=plan and plan.model_dump_json(exclude={"images"}))


def settle_version(
    name: str, import_id: str, *, is_made: bool, project: str = DEFAULT_PROJECT
) -> ScriptCall[list[str]]:
    """Note the end of the import that made a version; return the ids of images to delete, which were used."""
    return _call("settle", name, project, list, import_id=import_id, is_made=is_made or None)


def note_version_job(name: str, job: VersionJob, project: str = DEFAULT_PROJECT) -> ScriptCall[None]:
    """Note the job that was queued for a dataset version."""
    return _call("note_job", name, project, lambda _: None, job=job.model_dump_json())


def trim_review(
    name: str, max_bytes: int, project: str = DEFAULT_PROJECT
) -> ScriptCall[tuple[bool, list[str]]]:
    """Forget the images that are too old; return whether the name has no model any more, and the ids of images to delete."""
    return _call("trim", name, project, lambda reply: (reply[0] == "gone", reply[1:]), max_bytes=max_bytes)


def end_review(name: str, project: str = DEFAULT_PROJECT) -> Commands[None]:
    """Turn the review of a name off; the caller then deletes the folder of its images."""
    keys = (scoped(project, key) + name for key in _ALL_KEYS)
    commands = (("DEL", *keys), ("SREM", scoped(project, redis_keys.REVIEWS), name))
    return Commands(commands, lambda _: None)


def reviewed_names(project: str = DEFAULT_PROJECT) -> Commands[Sequence[str]]:
    """List the names whose review is on."""
    key = scoped(project, redis_keys.REVIEWS)
    return Commands((("SMEMBERS", key),), lambda results: sorted(results[0]))
