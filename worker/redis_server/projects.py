"""Projects: everything that a user makes belongs to a project, whose name is in its keys in Redis and in storage."""

from typing import Any

from worker.redis_server.keys import PREFIX, PROJECTS
from worker.redis_server.scripts import Commands

DEFAULT_PROJECT = "default"
_SCOPE = f"{PREFIX}project:"
_FOLDER = "projects/"


def known_projects() -> Commands[list[str]]:
    """List every project that ever had a work item or a model, the default one first."""

    def read(results: list[Any]) -> list[str]:
        return [DEFAULT_PROJECT, *sorted(results[0])]

    return Commands((("SMEMBERS", PROJECTS),), read)


def scoped(project: str, key: str) -> str:
    """Return a key of a project. The keys of the default project have no prefix of their own, as before projects."""
    return key if project == DEFAULT_PROJECT else f"{_SCOPE}{project}:{key.removeprefix(PREFIX)}"


def unscoped(key: str) -> tuple[str, str]:
    """Return the project of a key, and the key that the default project has for the same."""
    if not key.startswith(_SCOPE):
        return DEFAULT_PROJECT, key
    project, _, name = key.removeprefix(_SCOPE).partition(":")
    return project, PREFIX + name


def storage_url(url: str, project: str) -> str:
    """Return the URL of a project's part of the storage; the default project has the root, as before projects."""
    return url if project == DEFAULT_PROJECT else f"{url.rstrip('/')}/{_FOLDER}{project}"


def object_key(key: str, project: str) -> str:
    """Return the key in the whole storage of an object, or a prefix, of a project's part."""
    return key if project == DEFAULT_PROJECT else f"{_FOLDER}{project}/{key}"


def parse_object_key(key: str) -> tuple[str, str]:
    """Return the project of an object in the whole storage, and the object's key in the project's part."""
    if not key.startswith(_FOLDER):
        return DEFAULT_PROJECT, key
    project, _, own = key.removeprefix(_FOLDER).partition("/")
    return project, own


def model_address(model_id: str, project: str) -> str:
    """Return the address of a model in the whole storage: its id, after the name of its project, which the default project omits."""
    return model_id if project == DEFAULT_PROJECT else f"{project}/{model_id}"


def parse_model_address(address: str) -> tuple[str, str]:
    """Return the id and the project of an address."""
    project, _, model_id = address.rpartition("/")
    return model_id, project or DEFAULT_PROJECT
