"""Projects: everything that a user makes belongs to one, and its keys in Redis and in storage are named by it."""

from worker.redis_server.keys import PREFIX

DEFAULT_PROJECT = "default"


def scoped(project: str, key: str) -> str:
    """Return a key of a project. The keys of the default project have no prefix of their own, as before projects."""
    return key if project == DEFAULT_PROJECT else f"{PREFIX}project:{project}:{key.removeprefix(PREFIX)}"


def storage_url(url: str, project: str) -> str:
    """Return the URL of a project's part of the storage; the default project has the root, as before projects."""
    return url if project == DEFAULT_PROJECT else f"{url.rstrip('/')}/projects/{project}"
