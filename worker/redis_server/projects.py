"""Projects: everything that a user makes belongs to one, and its keys in Redis and in storage are named by it."""

from worker.redis_server.keys import PREFIX

DEFAULT_PROJECT = "default"


def scoped(project: str, key: str) -> str:
    """Return a key of a project. The keys of the default project have no prefix of their own, as before projects."""
    return key if project == DEFAULT_PROJECT else f"{PREFIX}project:{project}:{key.removeprefix(PREFIX)}"


def storage_url(url: str, project: str) -> str:
    """Return the URL of a project's part of the storage; the default project has the root, as before projects."""
    return url if project == DEFAULT_PROJECT else f"{url.rstrip('/')}/projects/{project}"


def model_address(model_id: str, project: str) -> str:
    """Return the address of a model in the whole storage: its id, behind its project unless that is the default one."""
    return model_id if project == DEFAULT_PROJECT else f"{project}/{model_id}"


def parse_model_address(address: str) -> tuple[str, str]:
    """Return the id and the project of an address."""
    project, _, model_id = address.rpartition("/")
    return model_id, project or DEFAULT_PROJECT
