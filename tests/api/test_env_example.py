"""The example of an environment names every setting there is, and no other."""

import re
from pathlib import Path

from api.settings import ApiSettings
from worker.settings import WorkerSettings

ELSEWHERE = {"NINEFOLD_URL", "NINEFOLD_API_KEY", "REDIS_PASSWORD", "TORCH_INDEX_URL"}
"""Read by the command line and by docker compose."""


def test_every_setting_is_in_the_example() -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    named = set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE))
    fields = {*ApiSettings.model_fields, *WorkerSettings.model_fields} - {"redis_url"}
    assert named == {"REDIS_URL", *ELSEWHERE, *(f"NINEFOLD_{field.upper()}" for field in fields)}
