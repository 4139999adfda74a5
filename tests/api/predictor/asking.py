"""Asks a predictor over its socket, with a client of its own for each question."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from api.predictor.client import Predicted, PredictorClient

T = TypeVar("T")


def with_client(socket_path: Path, use: Callable[[PredictorClient], Awaitable[T]]) -> T:
    """Open a client, use it, and close it."""

    async def run() -> T:
        client = PredictorClient(socket_path)
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


def predict(socket_path: Path, model_id: str, images: list[bytes], top_k: int = 3) -> Predicted:
    """Classify images with a model."""
    return with_client(socket_path, lambda client: client.predict(model_id, images, top_k=top_k))
