"""Queues imports that a worker reads from a folder, a bucket or the internet."""

import hashlib

from pydantic import ConfigDict, Field
from starlette.requests import Request

from api.datasets.submission import ImportSubmissions, check_name
from api.http.bodies import read_json
from api.http.callers import Principal
from api.http.errors import invalid_field, invalid_fields
from api.records.storage_space import StorageSpace
from model.data.import_options import ImportOptions
from model.spec import Name
from worker.errors import SourceRefusedError
from worker.queue.calls.imports import NewImport
from worker.queue.ids import new_import_id
from worker.queue.import_source import SourceRules, parse_source
from worker.queue.records import DatasetImport


class SourceRequest(ImportOptions):
    """A dataset whose images a worker reads itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="The dataset's name.")
    source: str = Field(
        description="`file:///folder`, `s3://bucket/prefix`, `https://host/photos.zip` or `hf://owner/dataset`, as far as the "
        "operator allows it; or `built-in://digits`, a copy of a built-in dataset."
    )

    @property
    def options(self) -> ImportOptions:
        """The options of the import."""
        return ImportOptions(**self.model_dump(include=set(ImportOptions.model_fields)))


class SourceImports:
    """Queues imports from sources that the operator allows."""

    def __init__(self, submissions: ImportSubmissions, space: StorageSpace, rules: SourceRules) -> None:
        self._submissions = submissions
        self._space = space
        self._rules = rules

    async def receive(
        self, request: Request, caller: Principal, idempotency_key: str | None
    ) -> DatasetImport:
        """Queue the import that the JSON body describes.

        Raises:
            ApiError: the body or a query parameter is invalid, or the source is not allowed.
            StorageFullError: storage has too little room for new datasets.
            DatasetNameTakenError: the name is that of a built-in dataset, or another upload is imported under it.
            IdempotencyMismatchError: the key was used with another body.
        """
        await self._space.require()
        if extra := sorted(set(request.query_params) - {"wait_s"}):
            raise invalid_fields(extra, "With a JSON body this belongs into the body.")
        body = await read_json(request, SourceRequest)
        check_name(body.name)
        try:
            source = parse_source(body.source, self._rules)
        except SourceRefusedError as error:
            raise invalid_field("source", str(error)) from None
        new = NewImport(
            new_import_id(),
            body.name,
            0,
            hashlib.sha256(f"source {source.address}".encode()).hexdigest(),
            caller.name,
            caller.project,
            body.options,
            source=source.address,
        )
        return await self._submissions.submit(new, idempotency_key)
