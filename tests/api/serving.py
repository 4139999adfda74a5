"""A real predictor process for tests."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.predictor.supervision import PredictorOptions, PredictorProcess, WatchTimes

READY_WITHIN_S = 60  # importing torch on a busy machine


@contextmanager
def running_predictor(
    storage_url: str, *, times: WatchTimes | None = None, cache_bytes: int = 1 << 30
) -> Iterator[tuple[PredictorProcess, Path]]:
    """A watched predictor that is ready, and its socket."""
    with tempfile.TemporaryDirectory(prefix="nf-") as folder:
        socket_path = Path(folder, "predictor.sock")
        options = PredictorOptions(socket_path, storage_url, cache_bytes=cache_bytes, device="cpu")
        predictor = PredictorProcess(options, times)
        predictor.start()
        try:
            assert predictor.wait_ready(READY_WITHIN_S)
            yield predictor, socket_path
        finally:
            predictor.stop()
