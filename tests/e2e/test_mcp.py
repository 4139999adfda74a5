"""The tools of `ninefold mcp`, called by the client of the MCP project over standard input and output."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.service import NINEFOLD, UNUSABLE_PROXIES, Service

if TYPE_CHECKING:
    from mcp import Client

pytestmark = pytest.mark.timeout(240)


async def _call(client: "Client", tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def test_an_assistant_trains_a_model_and_classifies_a_file_with_it(
    service: Service, tiny_folder: Path
) -> None:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - takes 1.1 s of CPU time in each of pytest's processes

    command, *arguments = NINEFOLD
    environment = {**os.environ, **UNUSABLE_PROXIES, "NINEFOLD_URL": service.url}
    server = StdioServerParameters(command=command, args=[*arguments, "mcp"], env=environment)

    image = str(next(tiny_folder.glob("*/*.png")))

    async def use() -> None:
        async with Client(server) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools == {"list_models", "list_datasets", "classify_file", "submit_job", "job_status"}
            datasets = await _call(client, "list_datasets")
            assert "tiny" in [dataset["name"] for dataset in datasets["data"]]
            spec = {"name": "by-assistant", "epochs": 1, "image_size": 16}
            job = await _call(client, "submit_job", dataset="tiny", spec=spec)
            ended = await _call(client, "job_status", job_id=job["id"], wait_s=200)
            assert ended["status"] == "succeeded", ended
            models = await _call(client, "list_models", name="by-assistant")
            assert [model["id"] for model in models["data"]] == [ended["result"]["model"]["id"]]
            answer = await _call(client, "classify_file", path=image, model="by-assistant", top_k=1)
            assert answer["model"]["id"] == models["data"][0]["id"]
            assert answer["scores"] == [{"label": answer["label"], "score": answer["score"]}]

            refused = await client.call_tool("submit_job", {"dataset": "tiny", "spec": {"epochs": -1}})
            assert refused.is_error
            assert "epochs: Input should be" in str(refused.content)
            refused = await client.call_tool("classify_file", {"path": str(tiny_folder), "model": "tiny"})
            assert refused.is_error
            assert "not an image file" in str(refused.content)

    asyncio.run(use())
