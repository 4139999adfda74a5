"""`python -m api`: checks the settings, starts a predictor, then serves HTTP."""

import argparse
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from api.predictor.supervision import PredictorOptions, PredictorProcess
from api.process.server import serve
from api.process.server_processes import serve_in_processes
from api.process.start_checks import check, check_storage, read_settings, take_address
from api.settings import ApiSettings, StartError

_log = logging.getLogger("api")


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit with status 1 and one line on stderr if the API cannot start."""
    try:
        settings = read_settings(**_arguments())
        logging.basicConfig(
            level=settings.log_level.upper(), format="%(asctime)s api %(levelname)s %(message)s"
        )
        warnings = check(settings)
        check_storage(settings)
        listener = take_address(settings)
    except StartError as error:
        sys.exit(f"ninefold api: {error}")
    for warning in warnings:
        _log.warning(warning)
    _log.info("serving http://%s:%d", settings.host, listener.getsockname()[1])
    with _predictor(settings):
        _serve(settings, listener)


def _serve(settings: ApiSettings, listener: socket.socket) -> None:
    from api.app import create_app  # noqa: PLC0415 - takes 0.6 s, which a refused start need not take

    if settings.api_workers == 1:
        serve(create_app, settings, [listener])
    else:
        serve_in_processes(partial(serve, create_app, settings, [listener]), settings.api_workers)


@contextmanager
def _predictor(settings: ApiSettings) -> Iterator[None]:
    """Run a predictor while the block runs, unless the settings name a running one."""
    if settings.predictor:
        yield
        return
    options = PredictorOptions(
        settings.predictor_socket(),
        settings.storage,
        cache_bytes=settings.predictor_cache_bytes,
        device=settings.predictor_device,
        precision=settings.predict_precision,
        max_wait_s=settings.predict_max_wait_s,
    )
    process = PredictorProcess(options)
    process.start()
    try:
        yield
    finally:
        process.stop()


def _arguments() -> dict[str, object]:
    """Parse the command line; options that are not given are left to the environment."""
    parser = argparse.ArgumentParser(
        prog="python -m api",
        description=__doc__,
        epilog="Example: ninefold api --host 0.0.0.0 --port 8000",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (8000); 0: any free port")
    parser.add_argument("--workers", dest="api_workers", type=int, help="processes that answer HTTP (1)")
    parser.add_argument(
        "--root-path", help="the path prefix that a proxy in front of the API adds to every address"
    )
    return vars(parser.parse_args())


if __name__ == "__main__":
    main()
