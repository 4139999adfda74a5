"""Promotes a version only if it is better than the one that an alias points at."""

from collections.abc import Mapping

from api.models.alias_schemas import AliasTarget
from api.models.errors import NoCommonTestSetError, NotBetterError, UnknownClassesError
from api.records.storages import Storages
from model.artifact.answers import EVERY_CLASS
from model.artifact.manifest import Manifest
from model.comparison.description import describe
from model.comparison.result import Comparison, Gate
from model.errors import CorruptArtifactError, NoEvaluationError, ObjectMissingError
from worker.errors import AliasMovedError
from worker.registry.aliases import AliasState, Expectation
from worker.registry.errors import AliasNotFoundError
from worker.registry.model_registry import AsyncModelRegistry

_TIMEOUT_S = 60.0
_TRIES = 5


async def check_classes(models: AsyncModelRegistry, name: str, target: AliasTarget, project: str) -> None:
    """Raise UnknownClassesError if a least score is for a class that the version does not have."""
    if target.min_scores:
        manifest = (await models.resolve(f"{name}:{target.version}", project)).manifest
        if unknown := sorted(set(target.min_scores) - {*manifest.classes, EVERY_CLASS}):
            raise UnknownClassesError(unknown, manifest.classes)


class GatedPromotions:
    """Moves aliases to better versions."""

    def __init__(self, models: AsyncModelRegistry, storages: Storages) -> None:
        self._models = models
        self._storages = storages

    async def promote(
        self,
        name: str,
        alias: str,
        version: int,
        gate: Gate,
        *,
        by: str | None,
        project: str,
        expected: Expectation | None = None,
        reason: str | None = None,
        min_scores: Mapping[str, float] | None = None,
    ) -> AliasState:
        """Point an alias at a version if the version is better, or if there is no such alias.

        If the alias moves during the comparison, the version is compared with the new target.

        Raises:
            NotBetterError: the version is not shown to be better.
            NoCommonTestSetError: there is no test image on which the two can be compared.
            AliasMovedError: the alias does not point at the expected version, or moves again and again.
            ModelNotFoundError: the name has no such version.
        """
        candidate = (await self._models.resolve(f"{name}:{version}", project)).manifest
        for attempt in range(_TRIES):
            try:
                current = (await self._models.get_alias(name, alias, project)).model.manifest
            except AliasNotFoundError:
                current = None
            is_needless = current is None or current.version == version
            is_refused = expected is not None and (current.version if current else None) != expected.version
            # Without a comparison the registry answers: it knows whether the change is the caller's own, repeated.
            compared = current if not (is_needless or is_refused) else None
            found = await self._compare(candidate, compared, gate, project) if compared else None
            try:
                return await self._models.set_alias(
                    name,
                    alias,
                    version,
                    by,
                    project,
                    expected=expected or Expectation(current.version if current else None),
                    reason=reason,
                    gate=found,
                    min_scores=min_scores,
                )
            except AliasMovedError:
                if expected is not None or attempt == _TRIES - 1:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _compare(self, candidate: Manifest, current: Manifest, gate: Gate, project: str) -> Comparison:
        from model.comparison.comparing import compare_models  # noqa: PLC0415 - the API starts without numpy

        storage = self._storages.of(project)
        try:
            found = await self._storages.run_within(
                _TIMEOUT_S, compare_models, candidate, current, gate, storage
            )
        except (NoEvaluationError, CorruptArtifactError, ObjectMissingError) as error:
            raise NoCommonTestSetError(str(error)) from error
        if not found.images:
            raise NoCommonTestSetError(describe(found), found)
        if not found.is_better:
            raise NotBetterError(found)
        return found
