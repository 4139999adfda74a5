"""Remembers for some seconds which model is the shadow of a name."""

import time

from model.artifact.manifest import Manifest
from worker.errors import ModelNotFoundError
from worker.registry.errors import NoProductionError
from worker.registry.model_registry import AsyncModelRegistry
from worker.registry.shadow import SHADOW

_KNOWN_S = 5.0
_MOST_NAMES = 1000


class ShadowTargets:
    """The shadow of each name that was asked for lately. Asking waits for nothing; `look_up` finds out."""

    def __init__(self, registry: AsyncModelRegistry) -> None:
        self._registry = registry
        self._known: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._wanted: dict[tuple[str, str], None] = {}

    def shadow_of(self, production: Manifest, project: str) -> str | None:
        """Return the id of the model with the alias `shadow`; None without one, or while nothing is known of the name."""
        name = (project, production.name)
        until, shadow = self._known.get(name, (0.0, None))
        if until < time.monotonic():
            self._wanted[name] = None
        return shadow if shadow != production.id else None

    async def look_up(self) -> None:
        """Ask Redis for the names of which nothing is known, or was long ago; raises StoreUnavailableError."""
        wanted, self._wanted = self._wanted, {}
        if len(self._known) > _MOST_NAMES:
            self._known.clear()
        for project, name in wanted:
            try:
                shadow = (await self._registry.resolve(f"{name}@{SHADOW}", project)).manifest.id
            except (ModelNotFoundError, NoProductionError):
                shadow = None
            self._known[project, name] = (time.monotonic() + _KNOWN_S, shadow)
