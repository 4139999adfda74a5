"""Checks before the API starts; every failure is one line that says what to do."""

import asyncio
import logging
import socket

from pydantic import ValidationError

from api.predictor.protocol.socket_path import check_socket_path
from api.process.server import open_socket
from api.records.storage_calls import StorageCalls
from api.settings import MIN_KEY_LENGTH, ApiSettings, StartError, is_loopback, parse_keys, parse_origins
from model.errors import StorageError
from model.storage.interface import Storage
from model.storage.opening import open_storage
from worker.errors import RedisUnusableError, StoreUnavailableError
from worker.redis_server.clients import StoreClient
from worker.redis_server.connection import connect
from worker.redis_server.fitness import check_server
from worker.redis_server.projects import known_projects, storage_url

_STORAGE_TIMEOUT_S = 30.0


def read_settings(**given: object) -> ApiSettings:
    """Read the settings from the environment; `given` values of the command line override them.

    Raises:
        StartError: a setting is not valid.
    """
    try:
        settings = ApiSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise StartError(f"The setting {name} is not valid: {first['msg']}.") from error
    if settings.log_level.upper() not in logging.getLevelNamesMapping():
        raise StartError("NINEFOLD_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")
    return settings


def check(settings: ApiSettings) -> list[str]:
    """Return warnings about settings that work but are not safe.

    Raises:
        StartError: the API could not work with these settings.
    """
    parse_origins(settings.cors_origins)
    warnings = _check_keys(settings)
    _check_predictor_socket(settings)
    return [*warnings, *_check_redis(settings)]


def _check_keys(settings: ApiSettings) -> list[str]:
    keys = parse_keys(settings.api_keys.get_secret_value())
    is_local = is_loopback(settings.host)
    if not keys and not is_local:
        raise StartError(
            f"Without keys the API listens on loopback only, not on {settings.host}: set NINEFOLD_API_KEYS, "
            "or use --host 127.0.0.1."
        )
    short = [name for name, key in keys.items() if len(key) < MIN_KEY_LENGTH]
    if not short:
        return []
    message = (
        f"Keys of NINEFOLD_API_KEYS have fewer than {MIN_KEY_LENGTH} characters ({', '.join(short)}): "
        "make longer ones, such as with `openssl rand -hex 16`"
    )
    if not is_local:
        raise StartError(f"{message}, or use --host 127.0.0.1.")
    return [f"{message}, before other machines may reach this service."]


def check_storage(settings: ApiSettings) -> None:
    """Check that storage can be written, which makes its folder, and remove what killed processes left there.

    Call it when nothing else prevents the start.

    Raises:
        StartError: storage cannot be written, or Redis is gone since it was checked.
    """
    try:
        require_storage(open_storage(settings.storage))
        with connect(settings.redis_url) as client:
            for project in StoreClient(client).run(known_projects()):
                open_storage(storage_url(settings.storage, project)).remove_unfinished()
    except StorageError as error:
        raise StartError(f"{error} Correct NINEFOLD_STORAGE.") from error
    except StoreUnavailableError as error:
        raise StartError(str(error)) from error


def require_storage(storage: Storage, timeout_s: float = _STORAGE_TIMEOUT_S) -> None:
    """Return if storage works; raises StorageError if it fails, or does not answer within `timeout_s`."""
    asyncio.run(StorageCalls().run(timeout_s, storage.check))


def _check_predictor_socket(settings: ApiSettings) -> None:
    try:
        check_socket_path(settings.predictor_socket())
    except ValueError as error:
        raise StartError(str(error)) from error


def _check_redis(settings: ApiSettings) -> list[str]:
    try:
        with connect(settings.redis_url) as client:
            return list(check_server(client).warnings)
    except RedisUnusableError as error:
        raise StartError(str(error)) from error
    except ValueError as error:
        raise StartError("REDIS_URL is not a Redis URL such as redis://127.0.0.1:6379/0.") from error


def take_address(settings: ApiSettings) -> socket.socket:
    """Open the socket to serve on.

    Raises:
        StartError: the address cannot be used.
    """
    try:
        return open_socket(settings)
    except OSError as error:
        raise StartError(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}. Choose "
            "another port with --port, or stop the process that uses this one."
        ) from error
